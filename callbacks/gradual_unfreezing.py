"""Gradual unfreezing: the top of a pretrained network learns first, then layer group by group.

A fresh head begins with large errors, whose gradients would spoil the good features below it. So
at first the last group of layers learns alone; every k epochs one more group, from the top down,
joins it. Of n groups, those that learn in epoch e are the last min(n, 1 + floor(e / k)).

Paper: Howard and Ruder (2018), Universal language model fine-tuning for text classification
(ULMFiT), section 3.3.

Use it to fine-tune a pretrained network as a whole on few data. For a network that starts from
random weights it is of no use: what is above learns from features that mean nothing yet.

    maquette train transfer --unfreeze 1 --epochs 8 --callbacks gradual_unfreezing
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from maquette.errors import UserError
from maquette.model_state import build_optimizer, leaf_layers
from maquette.progress import say

if TYPE_CHECKING:
    from maquette.callback_gallery import TrainingContext


class GradualUnfreezing(keras.callbacks.Callback):
    """Unfreeze groups of layers, from the output to the input, every few epochs.

    The optimizer is made for all weights, so that it keeps its state when another group joins; a
    frozen weight is no part of a step, and keeps its value to the bit, weight decay or not. Frozen
    batch normalization uses its statistics and does not change them. Each time, the training step
    is traced anew, which takes some seconds. What was frozen before the training stays so.

    Which layers learn is a function of the epoch alone, so a resumed training goes on rightly.

    Example:
        >>> model.fit(x, y, epochs=6, callbacks=[GradualUnfreezing(groups=3, every=2)])

    Args:
        groups: Number of groups, of as many layers with weights each; or the names of the layers
            in each group, from input to output. Defaults to 3.
        every: Epochs between two groups. Defaults to 1.

    Raises:
        ValueError: the backend is not TensorFlow, a layer of a group does not exist, or there are
            fewer layers than groups. On JAX an optimizer takes a step on all weights or none.
    """

    resumes = False

    def __init__(self, groups: int | Sequence[Sequence[str]] = 3, every: int = 1):
        super().__init__()
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "gradual unfreezing takes the TensorFlow backend. "
                f"Received: {keras.backend.backend()}"
            )
        self.groups = groups
        self.every = every

    def on_train_begin(self, logs=None):
        build_optimizer(self.model)
        self._layers = layer_groups(self.model, self.groups)
        self._learning: int | None = None

    def on_epoch_begin(self, epoch, logs=None):
        count = min(1 + epoch // self.every, len(self._layers))
        if count == self._learning:
            return
        self._learning = count
        for number, layers in enumerate(reversed(self._layers)):
            for layer in layers:
                layer.trainable = number < count
        self.model.make_train_function(force=True)
        if len(self._layers) > 1:
            lowest = self._layers[-count][0].name
            say(f"{count} of {len(self._layers)} groups of layers learn: {lowest} and above")

    def on_train_end(self, logs=None):
        for layers in self._layers:
            for layer in layers:
                layer.trainable = True
        self.model.make_train_function(force=True)


def layer_groups(
    model: keras.Model, groups: int | Sequence[Sequence[str]]
) -> list[list[keras.Layer]]:
    """Return the layers with trainable weights in groups, from input to output.

    Args:
        model: Its nested models are gone through, too.
        groups: Number of groups, or names of the layers in each.

    Raises:
        ValueError: a layer does not exist, or there are fewer layers than groups.
    """
    layers = {layer.name: layer for layer in leaf_layers(model) if layer.trainable_weights}
    if not isinstance(groups, int):
        unknown = {name for names in groups for name in names} - set(layers)
        if unknown:
            raise ValueError(f"no trainable layers {sorted(unknown)}; there are {list(layers)}")
        return [[layers[name] for name in names] for names in groups]
    if len(layers) < groups:
        raise ValueError(f"{len(layers)} layers with weights cannot make {groups} groups")
    parts = np.array_split(np.arange(len(layers)), groups)
    return [[list(layers.values())[index] for index in part] for part in parts]


def for_training(context: TrainingContext) -> GradualUnfreezing:
    """Return three groups, the last of which joins after half of the epochs.

    A stage that trains fewer layers, as a head alone, has as many groups as layers.

    Raises:
        UserError: the backend is not TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"gradual_unfreezing takes KERAS_BACKEND=tensorflow; received "
            f"{keras.backend.backend()}, on which all weights learn or none; leave it out"
        )
    layers = sum(bool(layer.trainable_weights) for layer in leaf_layers(context.model))
    epochs = getattr(context.config, "epochs", 1)
    return GradualUnfreezing(min(3, layers), every=max(1, epochs // 4))
