"""Transfer learning: a network that has seen a million photos learns your classes from a few dozen.

The backbone, trained on ImageNet, turns an image into a vector of features; a new head of one dense
layer, logits = W features + b, learns your classes. First the head alone: the backbone runs once
over the data and its features are kept, so that an epoch takes a fraction of a second. Then the top
of the backbone is unfrozen and adapts to your images with small steps, on images that are turned,
shifted, recoloured and partly covered at random. Raw pixels go in: each backbone's own scaling is
part of the model.

Paper: Yosinski, Clune, Bengio and Lipson (2014), How transferable are features in deep neural
networks? Default backbone: EfficientNet-Lite0 (Tan and Le 2019), made for phones.
Data: `mnist`, 5,000 real handwritten digits; meant for a folder of your own photos.
Expect: validation accuracy 0.95 from 245 photos of ants and bees in 1 minute.

    maquette train transfer --data photos/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import keras
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from maquette.backbones.catalogue import BACKBONES, build_backbone, trainable_from_top
from maquette.backbones.folding import fold_batch_normalization
from maquette.backbones.weights import load_weights
from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.contract import Stage, TemplateConfig
from maquette.losses import SmoothedCrossentropy
from maquette.reporting import plots
from maquette.tasks.image_classification import ImageClassification


class Config(TemplateConfig):
    """Options of transfer learning."""

    backbone: Literal[tuple(BACKBONES)] = "efficientnet_lite0"
    """Network that turns an image into features."""
    weights: str = "imagenet"
    """Of the backbone: imagenet, none (train all from scratch), an .h5 file or a folder of them."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Height and width that images are resized to, in pixels; by default the backbone's own."""
    head_epochs: PositiveInt = 30
    """Passes over the cached features, in which the head alone learns."""
    head_learning_rate: PositiveFloat = 3e-3
    """Step size of the optimizer while the head learns."""
    epochs: NonNegativeInt = 4
    """Passes over the images, in which the top of the backbone learns too; 0 leaves it as it is."""
    learning_rate: PositiveFloat = 1e-4
    """Step size of the optimizer while the backbone learns."""
    unfreeze: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share of the backbone's layers, from the top, that learn."""
    batch_size: PositiveInt = 32
    """Examples per training step."""
    patience: PositiveInt = 10
    """Epochs without a better validation accuracy after which a stage ends."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of features left out at each training step."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that the targets give away to all classes equally."""
    class_weights: bool = False
    """Weigh rare classes more, so that each class counts the same in the loss."""
    flip: bool = True
    """Mirror half of the training images left to right; wrong for digits and letters."""
    rotation: Annotated[float, Field(ge=0, le=0.5)] = 0.04
    """Random rotation, at most this share of a full turn."""
    shift: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Random shift, at most this share of the height and width."""
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Random zoom, in or out by at most this share."""
    color: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Random change of brightness and contrast, at most this share."""
    cutout: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Probability that a random rectangle of a training image is covered."""
    noise: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Standard deviation of the noise on training images, as a share of white."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images."""
        size = self.image_size or BACKBONES[self.backbone].default_size
        return size, size, 3


TINY = Config(
    image_size=32,
    head_epochs=8,
    epochs=1,
    learning_rate=1e-3,
    unfreeze=0.1,
    dropout=0,
    label_smoothing=0,
    rotation=0,
    shift=0,
    zoom=0,
    color=0,
    cutout=0,
    noise=0,
)

TASK = ImageClassification(data="mnist")


def augmentation(config: Config) -> keras.Sequential:
    """Return random changes that leave the class as it is; active in training only.

    Input and output shape: `(batch, height, width, 3)`, pixels 0..255.
    """
    layers = [
        keras.layers.Rescaling(1 / 255),
        keras.layers.RandomRotation(config.rotation, fill_mode="nearest"),
        keras.layers.RandomTranslation(config.shift, config.shift, fill_mode="nearest"),
        keras.layers.RandomZoom(config.zoom, fill_mode="nearest"),
        keras.layers.RandomBrightness(config.color, value_range=(0, 1)),
        keras.layers.RandomContrast(config.color, value_range=(0, 1)),
        keras.layers.RandomErasing(config.cutout, scale=(0.02, 0.2), value_range=(0, 1)),
        keras.layers.GaussianNoise(config.noise),
        keras.layers.Rescaling(255),
    ]
    if config.flip:
        layers.insert(1, keras.layers.RandomFlip("horizontal"))
    return keras.Sequential(layers, name="augmentation")


def compile_for(model: keras.Model, config: Config, learning_rate: float) -> keras.Model:
    """Return the model, compiled with a step size."""
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=SmoothedCrossentropy(config.label_smoothing),
        metrics=["accuracy"],
    )
    return model


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled network.

    Input shape: `(batch, height, width, 3)`, pixels 0..255.
    Output shape: `(batch, classes)`, logits.
    """
    image = keras.Input(config.image_shape, dtype="uint8", name="image")
    x = keras.layers.Rescaling(1.0, name="as_float")(image)
    x = augmentation(config)(x)
    x = build_backbone(config.backbone, config.image_shape)(x)  # (batch, features)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    logits = keras.layers.Dense(len(data.classes), name="logits")(x)  # (batch, classes)
    return compile_for(keras.Model(image, logits, name="transfer"), config, config.learning_rate)


def pretrained(model: keras.Model, config: Config, data: Any) -> None:
    """Put the published weights into the backbone."""
    load_weights(model.get_layer("backbone"), config.backbone, config.weights)


def stages(model: keras.Model, config: Config, data: Any) -> Iterator[Stage]:
    """Yield the training of the head on cached features, then of the top of the backbone."""
    common = {
        "batch_size": config.batch_size,
        "patience": config.patience,
        "class_weight": data.class_weight() if config.class_weights else None,
    }
    if config.weights != "none":
        backbone = fold_batch_normalization(model.get_layer("backbone"))
        features = keras.Model(model.input, backbone(model.get_layer("as_float")(model.input)))
        head_input = keras.Input(features.output.shape[1:], name="features")
        head = keras.Model(
            head_input, model.get_layer("logits")(model.get_layer("dropout")(head_input))
        )
        compile_for(head, config, config.head_learning_rate)
        common_head = {**common, "features": features, "callbacks": [CosineSchedule()]}
        yield Stage("head", head, config.head_epochs, **common_head)
        trainable_from_top(model.get_layer("backbone"), config.unfreeze)
    if config.epochs:
        compile_for(model, config, config.learning_rate)
        schedule = [CosineSchedule(warmup_epochs=config.epochs / 10)]
        yield Stage("fine_tune", model, config.epochs, callbacks=schedule, **common)


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "backbone": hp.Choice("backbone", ["efficientnet_lite0", "mobilenet_v2", "mobilenet"]),
        "unfreeze": hp.Choice("unfreeze", [0.1, 0.2, 0.3, 0.5, 0.7, 1.0]),
        "learning_rate": hp.Float("learning_rate", 1e-5, 1e-3, sampling="log"),
        "dropout": hp.Choice("dropout", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        "label_smoothing": hp.Choice("label_smoothing", [0.0, 0.05, 0.1]),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `classify`: an image to the probability of each class, without the augmentation."""
    x = model.input  # (batch, height, width, 3)
    for name in ("as_float", "backbone", "logits"):
        x = model.get_layer(name)(x)
    probabilities = keras.layers.Softmax(name="probabilities")(x)  # (batch, classes)
    return {"classify": keras.Model({"image": model.input}, {"probabilities": probabilities})}


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return augmented training images, as the network sees them."""
    split = data.splits["train"]
    chosen = np.linspace(0, len(split) - 1, min(16, len(split))).astype(int)
    images = np.stack([split.read(int(i), model.input_shape[1:]) for i in chosen])
    augmented = model.get_layer("augmentation")(images.astype("float32"), training=True)
    pixels = np.clip(np.asarray(augmented), 0, 255).astype("uint8")
    return {"augmented": plots.image_grid(pixels, heading="Training images after augmentation")}
