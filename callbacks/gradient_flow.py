"""Gradient flow: tell layers that stop learning because gradients vanish, explode or ReLUs die.

The gradient of a layer is the product of the slopes of all layers above it. Where these are small,
as those of saturated sigmoids (at most 1/4 each), it vanishes with depth; where weights are large,
it explodes. A ReLU whose input is negative for all examples has slope 0 for good: it is dead. On
one batch, before and after each epoch, of each layer with weights w:

    relative gradient norm = |dL/dw| / |w|

Papers: Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural
networks; Lu, Shin, Su and Karniadakis (2019), Dying ReLU and initialization.

Use it when a loss stays where it is, or on any new architecture. How to read
`figures/gradient_flow.png`: one row is one layer, from input to output, one column one epoch.
Colours may differ by a few powers of ten between layers and fade as the loss falls. A row that is
darker than those below it by six powers of ten does not learn.

    maquette train cnn --learning-rate 0.5 --callbacks gradient_flow
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from maquette.files import written_whole
from maquette.layer_health import dead_relu_shares, first_of, is_relu, relative_gradient_norms
from maquette.model_state import leaf_layers
from maquette.progress import say
from maquette.reporting import plots

if TYPE_CHECKING:
    from maquette.callback_gallery import TrainingContext

NAME = "gradient_flow"
EXAMPLES = 256
DEAD = "share of dead ReLUs"
REMEDIES = {
    "vanishing": "ReLU in place of sigmoid or tanh, batch normalization or residual connections",
    "exploding": "smaller initial weights, batch normalization, or an optimizer with clipnorm=1",
    "dead": "a smaller learning rate, He initialization or leaky ReLU",
}


class GradientFlow(keras.callbacks.Callback):
    """Measure gradients and dead ReLUs of each layer on some examples; warn once of each trouble.

    Nothing of the training changes: random numbers, statistics and metrics stay as they were. The
    loss is the model's own, as `compile` or `compute_loss` define it, in training mode.

    Example:
        >>> model.fit(x, y, epochs=9, callbacks=[GradientFlow(x[:256], y[:256])])

    Args:
        x: Inputs, as `fit` takes them, some hundred; of few, ReLUs that are merely selective
            look dead.
        y: Their targets; `None` for a model that learns without.
        batch_size: Examples that are looked at together; the gradient is that of the first ones.
            Defaults to 32.
        folder: Where `figures/` is. Defaults to the current one.
        name: Of the picture. Defaults to `"gradient_flow"`.
        vanishing: Relative gradient norm, as a share of the largest of all layers, below which a
            layer's gradient counts as vanishing. Defaults to 1e-6.
        exploding: Relative gradient norm above which it counts as exploding. Defaults to 1e3.
        dead: Share of a layer's ReLUs from which on dead ones are told. Defaults to 0.6. Where
            layers are frozen, the network is taken for pretrained, on other data that it has
            units for: then only those count that died since the first measurement.
    """

    transient = ("x", "y")

    def __init__(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        folder: str | Path = ".",
        name: str = NAME,
        vanishing: float = 1e-6,
        exploding: float = 1e3,
        dead: float = 0.6,
    ):
        super().__init__()
        self.x, self.y = x, y
        self.batch_size = batch_size
        self.folder = Path(folder)
        self.name = name
        self.vanishing = vanishing
        self.exploding = exploding
        self.dead = dead
        self.epochs: list[int] = []
        self._norms: list[dict[str, float]] = []
        self._dead: list[dict[str, float]] = []
        self._given: dict[str, float] = {}
        self._told: set[str] = set()

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:
            self.measure(0)

    def on_epoch_end(self, epoch, logs=None):
        self.measure(epoch + 1)

    def on_train_end(self, logs=None):
        if self.epochs:
            figure = plots.layer_heat_maps(self.epochs, self._panels(), shares=[DEAD])
            with written_whole(self.folder / "figures" / f"{self.name}.png") as temporary:
                figure.savefig(temporary, dpi=120)

    @property
    def gradients(self) -> dict[str, list[float]]:
        """The relative gradient norm of each layer after each epoch."""
        return _by_layer(self._norms)

    @property
    def dead_shares(self) -> dict[str, list[float]]:
        """The share of dead ReLUs of each layer after each epoch."""
        return _by_layer(self._dead)

    def measure(self, epoch: int) -> None:
        """Take gradients and dead ReLUs down as those after an epoch, and warn of trouble."""
        x, y = (first_of(part, self.batch_size) for part in (self.x, self.y))
        norms = relative_gradient_norms(self.model, x, y)
        dead = dead_relu_shares(self.model, self.x, self.y, self.batch_size)
        if not self.epochs and any(not layer.trainable for layer in leaf_layers(self.model)):
            self._given = dead
        self.epochs.append(epoch)
        self._norms.append(norms)
        self._dead.append(dead)
        self._judge(epoch, norms, dead)

    def _judge(self, epoch: int, norms: dict[str, float], dead: dict[str, float]) -> None:
        finite = [norm for norm in norms.values() if np.isfinite(norm)]
        least = self.vanishing * max(finite, default=0)
        low = [layer for layer, norm in norms.items() if norm < least and (norm or epoch)]
        high = [layer for layer, norm in norms.items() if not norm <= self.exploding]
        when = f"after epoch {epoch}" if epoch else "before the training"
        for what, layers in (("vanishing", low), ("exploding", high)):
            new = self._news(what, layers)
            if new:
                named = new[0] if len(new) == 1 else f"{len(new)} layers, {new[0]} to {new[-1]}"
                say(f"warning: {what} gradients {when} in {named}; {REMEDIES[what]} would help")
        died = [name for name, x in dead.items() if x - self._given.get(name, 0) >= self.dead]
        for layer in self._news("dead", died):
            share = f"{dead[layer]:.0%} of the ReLUs of {layer} are dead"
            say(f"warning: {share} {when}; {REMEDIES['dead']} would help")

    def _news(self, what: str, layers: Sequence[str]) -> list[str]:
        """Return those of the layers of which this has not been told yet."""
        new = [layer for layer in layers if f"{what} {layer}" not in self._told]
        self._told |= {f"{what} {layer}" for layer in new}
        return new

    def _panels(self) -> dict[str, dict[str, list[float]]]:
        with np.errstate(divide="ignore"):
            logs = {layer: np.log10(norms).tolist() for layer, norms in self.gradients.items()}
        panels = {"log10 of the relative gradient norm": logs}
        return {**panels, DEAD: self.dead_shares} if self.dead_shares else panels


def _by_layer(rows: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Return values by layer; a layer that was frozen at times has none for these epochs."""
    layers = dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row)
    return {layer: [row.get(layer, np.nan) for row in rows] for layer in layers}


def for_training(context: TrainingContext) -> GradientFlow:
    """Return a monitor on the first batches of the training: one, or where ReLUs are, several."""
    size = context.batch_size
    has_relus = any(is_relu(layer) for layer in leaf_layers(context.model))
    x, y = context.training_batches(-(-EXAMPLES // size) if has_relus else 1)
    return GradientFlow(x, y, size, context.folder, context.file_name(NAME))
