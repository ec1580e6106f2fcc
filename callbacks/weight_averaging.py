"""Weight averaging: the mean of the weights on the way is often better than where it ends.

With steps of a constant size, training circles around a minimum instead of going into it. The mean
of the points on the circle lies nearer to its middle, and in a wider part of the valley, where
other data cost less. Two ways, with w_t the weights after epoch or step t:

    equal:        average = (w_1 + ... + w_n) / n, of the last quarter of the epochs
    exponential:  average = momentum * average + (1 - momentum) * w_t, after each step

Papers: Izmailov, Podoprikhin, Garipov, Vetrov and Wilson (2018), Averaging weights leads to wider
optima and better generalization (SWA); Polyak and Juditsky (1992) for the idea.

Use the equal average with a learning rate that stays up, constant or in cycles, to the end; where
it falls to zero, the last epochs are nearly equal already and little is gained. For an exponential
average alone `keras.optimizers.Adam(use_ema=True)` is the better choice: it is part of the compiled
step, hence faster. But it shows the averaged weights at the end only; this validates them.

    maquette train cnn --callbacks weight_averaging
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from maquette.errors import UserError
from maquette.model_state import leaf_layers, set_values, sync, values_of

if TYPE_CHECKING:
    from maquette.callback_gallery import TrainingContext

STATISTICS_EXAMPLES, STATISTICS_BATCH = 512, 64


class WeightAveraging(keras.callbacks.Callback):
    """Average the weights, and put the average into the model for validation and at the end.

    The average lies in the model from the validation to the beginning of the next epoch, so that
    whatever keeps the best epoch keeps what was validated. Averaged are the weights that the
    optimizer changes, and the statistics of batch normalization. Since the mean of statistics is
    not the statistics of the mean, these are better found anew: by `inputs`.

    Example:
        >>> model.fit(x, y, epochs=40, callbacks=[WeightAveraging(start=0.75)])

    Args:
        start: Share of the epochs after which averaging begins. Defaults to 0.75.
        momentum: What an exponential average keeps at each step. Defaults to none: the equal
            average of the weights at the ends of epochs.
        inputs: Training inputs, some hundred, from which the statistics of batch normalization
            are found for the averaged weights. Defaults to averaging them, too.

    Raises:
        ValueError: the optimizer averages weights itself, which would replace these at the end.
    """

    transient = ("inputs",)

    def __init__(
        self, start: float = 0.75, momentum: float | None = None, inputs: np.ndarray | None = None
    ):
        super().__init__()
        self.start = start
        self.momentum = momentum
        self.every_step = momentum is not None
        self.inputs = inputs

    def on_train_begin(self, logs=None):
        if getattr(self.model.optimizer, "use_ema", False):
            raise ValueError("the optimizer averages already; compile it without use_ema")
        # Layers may be frozen and unfrozen on the way; the average is of the same ones throughout.
        kind = keras.layers.BatchNormalization
        layers = leaf_layers(self.model)
        self._normalizations = [x for x in layers if isinstance(x, kind) and x.trainable]
        statistics = [v for x in self._normalizations for v in x.non_trainable_variables]
        self._variables = [*self.model.trainable_variables, *statistics]
        self._count = 0
        self._average: list[np.ndarray] = []
        self._own: list[np.ndarray] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if self._own:
            set_values(self._variables, self._own)
            self._own = []

    def on_train_batch_end(self, batch, logs=None):
        if self.momentum is not None:
            sync(self.model)
            self._add()

    def on_test_begin(self, logs=None):
        self._end_epoch()

    def on_epoch_end(self, epoch, logs=None):
        self._end_epoch()

    def _end_epoch(self) -> None:
        """Put the average into the model, unless this epoch's validation has done so."""
        if self._own:
            return
        if self.momentum is None:
            self._add()
        if self._count:
            self._own = values_of(self._variables)
            set_values(self._variables, self._average)
            self._find_statistics()

    def _add(self) -> None:
        """Take the weights of now into the average."""
        if self._epoch + 1 <= self.start * self.params["epochs"]:
            return
        values = values_of(self._variables)
        self._average = self._average or values
        self._count += 1
        share = self._share()
        for average, value in zip(self._average, values, strict=True):
            average += (share * (value - average)).astype(average.dtype)

    def _share(self) -> float:
        """Return the share of the newest weights, without a bias to the first ones."""
        if self.momentum is None:
            return 1 / self._count
        return (1 - self.momentum) / (1 - self.momentum**self._count)

    def _find_statistics(self) -> None:
        """Set the statistics of batch normalization to those of the inputs."""
        layers = self._normalizations
        if self.inputs is None or not layers:
            return
        momenta = [layer.momentum for layer in layers]
        weights = {id(weight) for weight in self.model.weights}
        seeds = [v for v in self.model.variables if id(v) not in weights]
        before = values_of(seeds)
        for number, start in enumerate(range(0, len(self.inputs), STATISTICS_BATCH)):
            for layer in layers:
                layer.momentum = number / (number + 1)  # the mean over all batches so far
            self.model(self.inputs[start : start + STATISTICS_BATCH], training=True)
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        set_values(seeds, before)


def for_training(context: TrainingContext) -> WeightAveraging:
    """Return the equal average of the last quarter of the epochs.

    Raises:
        UserError: the template's optimizer averages already.
    """
    if getattr(context.model.optimizer, "use_ema", False):
        name = context.template.name
        raise UserError(f"{name} averages its weights as it is; leave weight_averaging out")
    return WeightAveraging(inputs=context.examples["train"].sample(STATISTICS_EXAMPLES).x)
