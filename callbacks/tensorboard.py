"""TensorBoard: curves, graph and histograms of weights in the browser, drawn while it trains.

This is Keras' own callback, with its files in the run's folder `tensorboard/`, a folder for each
stage. Use it to watch a long training, or to lay many runs over one another; the curves of one
finished run are in its `report.html`, too.

    maquette train cnn --callbacks tensorboard
    tensorboard --logdir saved_models
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    from maquette.callback_gallery import TrainingContext


def for_training(context: TrainingContext) -> keras.callbacks.TensorBoard:
    """Return Keras' callback, which writes histograms of the weights once per epoch."""
    folder = context.folder / "tensorboard" / context.stage
    return keras.callbacks.TensorBoard(folder, histogram_freq=1, write_graph=False)
