"""What the inputs and outputs of exported files mean, as a task declares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["numbers", "number", "string", "image", "words", "classes"]


@dataclass(frozen=True)
class Tensor:
    """The meaning of an input or output, for the metadata in a file and for code that calls it.

    Example:
        >>> Tensor("Probability of each class.", "classes", labels=("cat", "dog"), threshold=0.25)

    Attributes:
        description: One sentence.
        kind: `"image"`: pixels, 0..255 going in, 0..1 coming out; `"words"`: word ids, 0 for
            padding at the end; `"classes"`: a score for each label; `"number"` and `"string"`: one
            of each in an example; `"numbers"`: anything else.
        labels: Names of the classes, in order.
        threshold: Score below which a class is not worth showing.
        words: The entries of the vocabulary, in the order of their ids.
        length: Ids in one example; `None` where an example is one id.
    """

    description: str
    kind: Kind = "numbers"
    labels: tuple[str, ...] = ()
    threshold: float = 0.0
    words: tuple[str, ...] = ()
    length: int | None = None


def class_scores(labels: tuple[str, ...]) -> Tensor:
    """Return the meaning of probabilities of classes.

    What is below half of the probability of a guess is not worth showing.

    Args:
        labels: Names of the classes, in order.
    """
    threshold = round(0.5 / len(labels), 4)
    return Tensor("Probability of each class.", "classes", labels=labels, threshold=threshold)
