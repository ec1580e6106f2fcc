"""Weight of the Kullback-Leibler term that rises linearly from zero at the start."""

from __future__ import annotations

import keras

from maquette.model_state import sync


class KLWarmup(keras.callbacks.Callback):
    """Raise a model's `kl_weight` from 0 to `beta` along a line, and hold it there.

    Without a warm-up the divergence may fall to zero before the decoder makes use of the code, and
    stay there (Bowman et al. 2016, section 3.1; Sonderby et al. 2016, section 2.3). The weight is a
    function of the position alone, so a resumed training goes on with the right one.

    Example:
        >>> model.fit(images, epochs=20, callbacks=[KLWarmup(epochs=5)])

    Args:
        epochs: Epochs in which the weight rises; may be a fraction. 0 for none.
        beta: The weight from then on. Defaults to 1, which makes the loss the negative ELBO.

    Raises:
        ValueError: the model has no variable `kl_weight`.
    """

    def __init__(self, epochs: float, beta: float = 1.0):
        super().__init__()
        self.epochs = epochs
        self.beta = beta
        self.every_step = epochs > 0

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "kl_weight"):
            raise ValueError(f"the model has no variable 'kl_weight'. Received: {self.model.name}")

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._assign(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        if self._epoch < self.epochs:
            sync(self.model)
            self._assign(self._epoch + batch / self.params["steps"])

    def _assign(self, position: float) -> None:
        self.model.kl_weight.assign(self.weight(position))

    def weight(self, position: float) -> float:
        """Return the weight at a position, counted in epochs."""
        return self.beta * min(position / self.epochs, 1) if self.epochs else self.beta
