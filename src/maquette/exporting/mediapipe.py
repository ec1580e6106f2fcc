"""Files for MediaPipe's TextClassifier.

MediaPipe Tasks takes most files of an export as they are. A text classifier it takes if all its
shapes are fixed, and if the steps of its recurrent layers are written out: it knows no loops.
"""

from __future__ import annotations

from collections.abc import Mapping

from maquette.errors import UserError
from maquette.exporting.formats import Target
from maquette.exporting.workshop import Recipe
from maquette.tasks.tensors import Tensor


class MediaPipeTarget(Target):
    """The file `model_mediapipe.tflite`."""

    @property
    def name(self) -> str:
        """The format."""
        return self.format


MEDIAPIPE = MediaPipeTarget("mediapipe", Recipe("float32", static=True, written_out=True))


def check_mediapipe(tensors: Mapping[str, Tensor]) -> None:
    """Raise a `UserError` for a task whose inputs are no texts."""
    if not any(tensor.length for tensor in tensors.values()):
        raise UserError(
            "--mediapipe is for classifiers of texts; MediaPipe takes the other files as they are"
        )
