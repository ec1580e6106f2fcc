"""The image backbones: one table of them, how to build one, fill it, and thaw its top.

Every backbone takes raw pixels; what its authors did to them first is part of the graph. Keras is
imported inside the functions, so that the names cost nothing to list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from maquette.errors import UserError, nearest

if TYPE_CHECKING:
    import keras

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """What turns raw pixels into what a network was trained on: `pixel * scale + offset`.

    Args:
        scale: the factor.
        offset: the term, one for all channels or one for each.
        reverse_channels: whether to turn RGB into BGR first.
    """

    scale: float = 1.0
    offset: float | tuple[float, float, float] = 0.0
    reverse_channels: bool = False


BUILT_IN = Preprocessing()
MINUS_ONE_TO_ONE = Preprocessing(1 / 127.5, -1.0)
LITE = Preprocessing(1 / 128, -127 / 128)
# The means of ImageNet in the order blue, green, red, as the Caffe networks subtracted them.
CAFFE = Preprocessing(offset=(-103.939, -116.779, -123.68), reverse_channels=True)


@dataclass(frozen=True)
class Backbone:
    """One row of the table.

    Args:
        name: the name that users give.
        builder: the function that builds it, in `keras.applications` but for EfficientNet-Lite0.
        preprocessing: what its weights expect to be done to raw pixels.
        default_size: the side of the images it was trained on, in pixels.
        min_size: the smallest side it can take.
    """

    name: str
    builder: str
    preprocessing: Preprocessing
    default_size: int = 224
    min_size: int = 32

    @property
    def default_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images it was trained on."""
        return (self.default_size, self.default_size, 3)


_TABLE = (
    Backbone("efficientnet_lite0", "EfficientNetLite0", LITE),
    Backbone("mobilenet", "MobileNet", MINUS_ONE_TO_ONE),
    Backbone("mobilenet_v2", "MobileNetV2", MINUS_ONE_TO_ONE),
    Backbone("mobilenet_v3_small", "MobileNetV3Small", BUILT_IN),
    Backbone("mobilenet_v3_large", "MobileNetV3Large", BUILT_IN),
    Backbone("efficientnet_b0", "EfficientNetB0", BUILT_IN),
    Backbone("efficientnet_v2_b0", "EfficientNetV2B0", BUILT_IN),
    Backbone("resnet50", "ResNet50", CAFFE),
    Backbone("resnet50_v2", "ResNet50V2", MINUS_ONE_TO_ONE),
    Backbone("vgg16", "VGG16", CAFFE),
    Backbone("vgg19", "VGG19", CAFFE),
    Backbone("inception_v3", "InceptionV3", MINUS_ONE_TO_ONE, default_size=299, min_size=75),
)
BACKBONES: dict[str, Backbone] = {backbone.name: backbone for backbone in _TABLE}


def build_backbone(name: str, input_shape: tuple[int, int, int]) -> keras.Model:
    """Builds a backbone with random weights, from raw pixels to one vector per image.

    Example:

    ```python
    backbone = build_backbone("mobilenet_v2", (224, 224, 3))
    load_weights(backbone, "mobilenet_v2", "imagenet")
    features = backbone.predict(images)
    ```

    Args:
        name: one of `BACKBONES`.
        input_shape: height, width and channels; the channels are 3.

    Input shape:
        `(batch, height, width, 3)`, float32 pixels from 0 to 255.

    Output shape:
        `(batch, features)`.

    Returns:
        A functional model named `"backbone"`, flat: its layers are those of the network.

    Raises:
        UserError: the name is unknown, or the network cannot take images of that shape.
    """
    import keras

    backbone = find_backbone(name)
    _check_shape(backbone, input_shape)
    images = keras.Input(input_shape, name="image")
    x = _preprocess(images, backbone.preprocessing)
    network = build_network(backbone, input_shape, input_tensor=x)
    model = keras.Model(images, network.output, name="backbone")
    normalise_as_imagenet(model)
    return model


def build_network(
    backbone: Backbone, input_shape: tuple[int, int, int], **options: Any
) -> keras.Model:
    """Builds the network as its authors have it, without top and without preprocessing.

    Args:
        backbone: a row of `BACKBONES`.
        input_shape: height, width and channels.
        **options: arguments of the builder, such as `weights` or `input_tensor`.

    Returns:
        A functional model, from preprocessed pixels to one vector per image.
    """
    import keras

    if backbone.builder == "EfficientNetLite0":
        from maquette.backbones.efficientnet_lite import EfficientNetLite0

        return EfficientNetLite0(input_shape, **options)
    builder = getattr(keras.applications, backbone.builder)
    options = {"weights": None, "include_top": False, "pooling": "avg"} | options
    return builder(input_shape=input_shape, **options)


def trainable_from_top(model: keras.Model, share: float) -> None:
    """Freezes a backbone but for the last `share` of its layers that have weights.

    Batch normalization stays frozen, and thereby keeps to the statistics it was trained with: a
    small data set has none to match them.

    Example:

    ```python
    trainable_from_top(backbone, 0.3)
    ```

    Args:
        model: what `build_backbone` returned.
        share: from 0, for all frozen, to 1.

    Raises:
        UserError: `share` is not from 0 to 1.
    """
    import keras

    if not 0 <= share <= 1:
        raise UserError(f"the share of trainable layers is {share}; give a number from 0 to 1")
    statistics = (keras.layers.BatchNormalization, keras.layers.Normalization)
    layers = [
        layer for layer in model.layers if layer.weights and not isinstance(layer, statistics)
    ]
    frozen = len(layers) - round(share * len(layers))
    thawed = {id(layer) for layer in layers[frozen:]}
    model.trainable = True
    for layer in model.layers:
        layer.trainable = id(layer) in thawed


def find_backbone(name: str) -> Backbone:
    if name not in BACKBONES:
        choices = ", ".join(BACKBONES)
        raise UserError(f"no backbone is named {name!r}: {choices}{nearest(name, BACKBONES)}")
    return BACKBONES[name]


def _check_shape(backbone: Backbone, input_shape: tuple[int, int, int]) -> None:
    height, width, channels = input_shape
    if channels != 3:
        raise UserError(f"{backbone.name} takes 3 channels, and {channels} were given")
    if min(height, width) < backbone.min_size:
        least = backbone.min_size
        raise UserError(f"{backbone.name} takes {least}x{least} or more, not {height}x{width}")


def _preprocess(images: keras.KerasTensor, preprocessing: Preprocessing) -> keras.KerasTensor:
    import keras

    x = keras.ops.flip(images, axis=-1) if preprocessing.reverse_channels else images
    if preprocessing == BUILT_IN:
        return x
    return keras.layers.Rescaling(preprocessing.scale, preprocessing.offset)(x)


def normalise_as_imagenet(network: keras.Model) -> None:
    """Sets what EfficientNet B0 divides by to the deviation of ImageNet.

    Its weights file holds the square root of that, and Keras adds a layer that makes up for it only
    where the network is built with `weights="imagenet"`.
    """
    import keras

    variance = [deviation**2 for deviation in IMAGENET_DEVIATION]
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            layer.set_weights([np.array(IMAGENET_MEAN), np.array(variance), np.array(0)])
            layer.finalize_state()
