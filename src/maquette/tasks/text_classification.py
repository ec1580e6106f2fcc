"""Text classification: words in, one class out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.sources import open_source
from maquette.tasks.classification import (
    Classification,
    class_metrics,
    class_probabilities,
    class_rows,
    most_wrong,
    predicted_row,
)
from maquette.tasks.task import Evaluation, Probe, WebPage
from maquette.tasks.tensors import Tensor, class_scores
from maquette.text.data import TextData, TextSplit
from maquette.text.reading import read_text, text_files
from maquette.text.vocabulary import RESERVED, Vocabulary

if TYPE_CHECKING:
    import keras

    from maquette.contract import TemplateConfig
    from maquette.pipeline import Examples
    from maquette.run import Run

MOST_WRONG, SHOWN_LETTERS = 24, 160
NOTED_SHARE = 0.1
VOCABULARY = "vocabulary.txt"


@dataclass(frozen=True)
class TextSpec:
    """What a model must know of texts in classes.

    Args:
        classes: Names, in the order of the model's outputs.
        length: Words that are read of a text.
        vocabulary: The words that have a number.
    """

    classes: tuple[str, ...]
    length: int
    vocabulary: Vocabulary


@dataclass(frozen=True, kw_only=True)
class NumberedTexts(TextData):
    """Texts in classes, and how their words become numbers.

    Args:
        length: Words that are read of a text.
        vocabulary_size: Most words that have a number.
        known: The vocabulary of a run. By default it is made from the training texts.
    """

    length: int
    vocabulary_size: int
    known: Vocabulary | None = None

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return self.known or Vocabulary.of(self.splits["train"].texts, self.vocabulary_size)


@dataclass(frozen=True)
class TextClassification(Classification):
    """The task of naming the class of a text.

    Models take word ids, `(batch, time)`, 0 for padding at the end, and return logits,
    `(batch, classes)`. The endpoint `classify` returns `probabilities`; a server's SavedModel has
    `classify_text` too, which takes the text itself.

    It reads the options `length` and `vocabulary_size`.

    Args:
        data: The source a template trains on by default.
    """

    data: str
    sample: str = "bbc_news"
    kinds: ClassVar = frozenset({"text"})
    monitor: str = "val_accuracy"
    mode: str = "max"
    score: str = "accuracy"
    ranges: ClassVar = {"probabilities": (0, 1)}
    items: ClassVar = "texts"
    web: ClassVar = WebPage("text_classification", ("classify",), ("words.js",))

    def open(self, source: str, config: TemplateConfig, strict: bool = False) -> NumberedTexts:
        """Open texts in classes: an embedded set by name, a folder or a table.

        Raises:
            UserError: the source does not exist, or holds no usable texts in classes.
        """
        data = open_source(source, self.kinds, strict)
        values = {field.name: getattr(data, field.name) for field in fields(data)}
        values["notes"] = (*data.notes, *_length_notes(data, config.length))
        return NumberedTexts(**values, length=config.length, vocabulary_size=config.vocabulary_size)

    def describe(self, data: NumberedTexts) -> dict[str, Any]:
        """Return classes and length in plain values."""
        return {"classes": list(data.classes), "length": data.length}

    def texts(self, data: NumberedTexts) -> dict[str, str]:
        """Return the vocabulary, one word a line."""
        return {VOCABULARY: data.vocabulary.to_text()}

    def described(self, description: dict[str, Any], texts: dict[str, str]) -> TextSpec:
        """Return the `TextSpec` of what `describe` and `texts` returned."""
        vocabulary = Vocabulary.from_text(texts[VOCABULARY], VOCABULARY)
        return TextSpec(tuple(description["classes"]), description["length"], vocabulary)

    def adapt(self, data: NumberedTexts, spec: TextSpec) -> NumberedTexts:
        """Return the texts with the run's classes in its order, and with its vocabulary.

        Raises:
            UserError: the run does not know one of the classes.
        """
        known = replace(data, known=spec.vocabulary, length=spec.length)
        return known.for_classes(spec.classes)

    def examples(self, model: keras.Model, data: NumberedTexts, split: str) -> Examples:
        """Return a split's word ids, `(texts, length)`, with class indices."""
        from maquette.pipeline import Examples

        texts = data.splits[split]
        return Examples(data.vocabulary.encode(texts.texts, data.length), texts.labels)

    def evaluate(self, run: Run, data: NumberedTexts, split: str) -> Evaluation:
        """Return accuracy and its kin, figures per class, and the most wrong texts."""
        from maquette.reporting import plots

        examples, texts = self.examples(run.model, data, split), data.splits[split]
        probabilities = class_probabilities(run.model, examples, f"evaluating {split}")
        labels, predicted = examples.y, probabilities.argmax(-1)
        tables = {"Classes": class_rows(labels, probabilities, data.classes, "texts")}
        wrong = most_wrong(labels, probabilities, MOST_WRONG)
        if len(wrong):
            tables["Most wrong"] = [
                _wrong_row(texts, probabilities, data.classes, index) for index in wrong
            ]
        return Evaluation(
            metrics=class_metrics(labels, probabilities),
            tables=tables,
            figures={"confusion_matrix": plots.confusion_matrix(labels, predicted, data.classes)},
        )

    def files(self, paths: Sequence[Path]) -> list[Path]:
        """Return the paths, each folder replaced by the texts below it."""
        return text_files(paths)

    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return each file's class, its probability, and the three most probable classes.

        Raises:
            UserError: a file is missing or is no text.
        """
        from maquette.pipeline import Examples

        spec = run.description
        ids = spec.vocabulary.encode([read_text(file) for file in files], spec.length)
        examples = Examples(ids, np.zeros(len(ids)))
        probabilities = class_probabilities(run.model, examples, "predicting")
        pairs = zip(files, probabilities, strict=True)
        return [predicted_row(str(file), values, spec.classes) for file, values in pairs]

    def probes(self, run: Run, data: NumberedTexts, split: str, count: int) -> dict[str, Probe]:
        """Return word ids for `classify` and texts for `classify_text`, with their classes."""
        whole = data.splits[split]
        chosen = whole.subset(np.linspace(0, len(whole) - 1, min(count, len(whole))).astype(int))
        ids = data.vocabulary.encode(chosen.texts, data.length)
        return {
            "classify": Probe({"ids": ids}, chosen.labels),
            "classify_text": Probe({"text": np.array(chosen.texts, object)}, chosen.labels),
        }

    def assets(self, spec: TextSpec) -> dict[str, str]:
        """Return `labels.txt` and `vocabulary.txt`, whose line numbers, from 0, are the ids."""
        return {**super().assets(spec), VOCABULARY: spec.vocabulary.to_text()}

    def tensors(self, spec: TextSpec) -> dict[str, Tensor]:
        """Return that word ids go in and probabilities of classes come out."""
        words = (*RESERVED, *spec.vocabulary.words)
        ids = Tensor("Ids of the words of a text.", "words", words=words, length=spec.length)
        return {"ids": ids, "probabilities": class_scores(spec.classes)}

    def web_settings(self, run: Run, probes: dict[str, Probe]) -> dict[str, Any]:
        """Return the classes, and how many words are read."""
        return {"labels": list(run.description.classes), "length": run.description.length}

    def server_endpoints(self, run: Run) -> dict[str, keras.Model]:
        """Return `classify_text`: a text to the probability of each class."""
        import keras

        from maquette.text.numbering import WordIds

        text = keras.Input((), dtype="string", name="text")  # (batch,)
        ids = WordIds(run.description.vocabulary, run.description.length)(text)
        classify = run.template.endpoints(run.model)["classify"]
        return {"classify_text": keras.Model({"text": text}, classify({"ids": ids}))}


def _length_notes(data: TextData, length: int) -> list[str]:
    texts = data.splits["train"].texts
    longer = sum(len(text.split()) > length for text in texts) / len(texts)
    if longer < NOTED_SHARE:
        return []
    return [f"{longer:.0%} of the texts have more than {length} words; --length reads more of them"]


def _wrong_row(
    texts: TextSplit, probabilities: np.ndarray, classes: Sequence[str], index: int
) -> dict[str, Any]:
    """Return the start of a text, its class, and the class it was taken for."""
    predicted = probabilities[index].argmax()
    return {
        "text": textwrap.shorten(texts.texts[index], SHOWN_LETTERS, placeholder=" …"),
        "class": classes[texts.labels[index]],
        "predicted": classes[predicted],
        "probability": round(float(probabilities[index, predicted]), 4),
        "name": texts.names[index],
    }
