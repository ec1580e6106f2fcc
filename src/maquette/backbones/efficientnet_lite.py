"""EfficientNet-Lite0 in stock Keras layers, and its ImageNet weights.

The Lite variants drop squeeze-and-excitation and swish from EfficientNet, for ReLU6 throughout, so
that phones run them quantized.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019 (arXiv:1905.11946), and the EfficientNet-Lite release in Google's TPU models.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from maquette.backbones.torch_legacy import read_state_dict
from maquette.errors import UserError
from maquette.samples import sample_path

BATCH_NORM = {"momentum": 0.99, "epsilon": 1e-3}
CLASSES = 1000
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
DROPOUT = 0.2


@dataclass(frozen=True)
class Stage:
    """A row of blocks that share everything but the stride, which only the first one takes."""

    repeats: int
    channels: int
    expansion: int
    kernel: int
    stride: int


STAGES = (
    Stage(1, 16, 1, 3, 1),
    Stage(2, 24, 6, 3, 2),
    Stage(2, 40, 6, 5, 2),
    Stage(3, 80, 6, 3, 2),
    Stage(3, 112, 6, 5, 1),
    Stage(4, 192, 6, 5, 2),
    Stage(1, 320, 6, 3, 1),
)


def EfficientNetLite0(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    include_top: bool = False,
    pooling: str | None = "avg",
    input_tensor: keras.KerasTensor | None = None,
    classifier_activation: str | None = "softmax",
) -> keras.Model:
    """Instantiates EfficientNet-Lite0 with random weights.

    Example:

    ```python
    model = EfficientNetLite0(include_top=True)
    load_imagenet_weights(model)
    probabilities = model.predict((images - 127.0) / 128.0)
    ```

    Args:
        input_shape: height, width and channels of the images.
        include_top: whether to end in the 1000 classes of ImageNet.
        pooling: `"avg"` for one vector per image, `None` for the last feature map; ignored with
            `include_top`.
        input_tensor: a symbolic tensor to build upon instead of a new input.
        classifier_activation: `"softmax"`, or `None` for logits; used with `include_top` only.

    Input shape:
        `(batch, height, width, channels)`, pixels scaled by `(pixel - 127) / 128`.

    Output shape:
        `(batch, 1000)` with the top, `(batch, 1280)` pooled, otherwise
        `(batch, height / 32, width / 32, 1280)`.

    Returns:
        A functional model.

    Raises:
        UserError: `pooling` is neither `"avg"` nor `None`.
    """
    if pooling not in ("avg", None):
        raise UserError(f"pooling {pooling!r} is unknown; give 'avg' or None")
    images = layers.Input(input_shape) if input_tensor is None else input_tensor
    x = _convolve(images, STEM_CHANNELS, 3, "stem", stride=2)
    x = _body(x)
    x = _convolve(x, HEAD_CHANNELS, 1, "head")
    if include_top or pooling:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # (batch, 1280)
    if include_top:
        x = layers.Dropout(DROPOUT, name="top_dropout")(x)
        x = layers.Dense(CLASSES, classifier_activation, name="predictions")(x)  # (batch, 1000)
    inputs = images if input_tensor is None else keras.utils.get_source_inputs(input_tensor)
    return keras.Model(inputs, x, name="efficientnet_lite0")


def load_imagenet_weights(model: keras.Model) -> None:
    """Loads the ImageNet weights into a model that holds the layers of EfficientNet-Lite0.

    Example:

    ```python
    model = EfficientNetLite0()
    load_imagenet_weights(model)
    ```

    Args:
        model: what `EfficientNetLite0` returned, or a model built upon its layers.

    Raises:
        UserError: the weights are not installed, or a layer is not one of EfficientNet-Lite0.
    """
    state = read_state_dict(sample_path("efficientnet_lite0"))
    sources = _source_names()
    weighted = [layer for layer in model.layers if layer.weights]
    for layer in weighted:
        if layer.name not in sources:
            raise UserError(f"layer {layer.name!r} is not one of EfficientNet-Lite0")
        values = _layer_values(layer, sources[layer.name], state)
        received = [tuple(variable.shape) for variable in layer.weights]
        if received != [value.shape for value in values]:
            raise UserError(f"layer {layer.name!r} is shaped {received}, unlike EfficientNet-Lite0")
        layer.set_weights(values)
    missing = sources.keys() - {layer.name for layer in weighted} - {"predictions"}
    if missing:
        raise UserError(f"the model lacks {min(missing)!r} of EfficientNet-Lite0")


def _body(x: keras.KerasTensor) -> keras.KerasTensor:
    for number, stage in enumerate(STAGES, start=1):
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            x = _block(x, stage, stride, _block_name(number, repeat))
    return x  # (batch, height / 32, width / 32, 320)


def _block(x: keras.KerasTensor, stage: Stage, stride: int, name: str) -> keras.KerasTensor:
    """Applies an inverted residual: expand, filter each channel, project without activation."""
    shortcut, channels = x, x.shape[-1]
    if stage.expansion > 1:
        x = _convolve(x, channels * stage.expansion, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        stage.kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)  # (batch, height / stride, width / stride, channels * expansion)
    x = layers.BatchNormalization(**BATCH_NORM, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = _convolve(x, stage.channels, 1, f"{name}_project", activate=False)
    if stride == 1 and channels == stage.channels:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _convolve(
    x: keras.KerasTensor,
    channels: int,
    kernel: int,
    name: str,
    stride: int = 1,
    activate: bool = True,
) -> keras.KerasTensor:
    x = layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _block_name(stage: int, repeat: int) -> str:
    return f"block{stage}{'abcd'[repeat]}"


def _source_names() -> dict[str, str]:
    """Maps each layer with weights to the prefix of its parameters in the torch checkpoint."""
    names = {
        "stem_conv": "_conv_stem",
        "stem_bn": "_bn0",
        "head_conv": "_conv_head",
        "head_bn": "_bn1",
        "predictions": "_fc",
    }
    blocks = [
        (_block_name(number, repeat), stage)
        for number, stage in enumerate(STAGES, start=1)
        for repeat in range(stage.repeats)
    ]
    for index, (block, stage) in enumerate(blocks):
        parts = ("expand", "depthwise", "project")
        for number, part in enumerate(parts):
            if part != "expand" or stage.expansion > 1:
                names[f"{block}_{part}_conv"] = f"_blocks.{index}._{part}_conv"
                names[f"{block}_{part}_bn"] = f"_blocks.{index}._bn{number}"
    return names


def _layer_values(
    layer: layers.Layer, source: str, state: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """Returns what `layer.set_weights` takes, from the channels-first arrays of torch."""
    if isinstance(layer, layers.BatchNormalization):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [state[f"{source}.{part}"] for part in parts]
    kernel = state[f"{source}.weight"]
    if isinstance(layer, layers.Dense):
        return [kernel.T, state[f"{source}.bias"]]  # (1280, 1000), (1000,)
    if isinstance(layer, layers.DepthwiseConv2D):
        return [kernel.transpose(2, 3, 0, 1)]  # (kernel, kernel, channels, 1)
    return [kernel.transpose(2, 3, 1, 0)]  # (kernel, kernel, in, out)
