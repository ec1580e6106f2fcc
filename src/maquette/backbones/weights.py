"""Where the weights of a backbone come from: the download of Keras, or a file of the user's.

Both end in a network of `keras.applications` that holds them, from which they are copied on.
"""

import os
import socket
import warnings
from pathlib import Path

import keras
import numpy as np

from maquette.backbones.catalogue import (
    Backbone,
    build_network,
    find_backbone,
    normalise_as_imagenet,
)
from maquette.backbones.efficientnet_lite import load_imagenet_weights
from maquette.errors import UserError, nearest
from maquette.paths import nearest_sibling

DOWNLOAD_TIMEOUT_SECONDS = 15
KERNELS = "weights_tf_dim_ordering_tf_kernels"
IMAGENET_FILES = {  # as Keras names them
    "mobilenet": "mobilenet_1_0_224_tf_no_top.h5",
    "mobilenet_v2": f"mobilenet_v2_{KERNELS}_1.0_224_no_top.h5",
    "mobilenet_v3_small": "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    "mobilenet_v3_large": "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
    "efficientnet_b0": "efficientnetb0_notop.h5",
    "efficientnet_v2_b0": "efficientnetv2-b0_notop.h5",
    "resnet50": f"resnet50_{KERNELS}_notop.h5",
    "resnet50_v2": f"resnet50v2_{KERNELS}_notop.h5",
    "vgg16": f"vgg16_{KERNELS}_notop.h5",
    "vgg19": f"vgg19_{KERNELS}_notop.h5",
    "inception_v3": f"inception_v3_{KERNELS}_notop.h5",
}


def load_weights(backbone: keras.Model, name: str, weights: str) -> None:
    """Fills a backbone in place.

    Example:

    ```python
    load_weights(backbone, "mobilenet_v2", "mobilenet_v2_1.0_224_no_top.weights.h5")
    ```

    Args:
        backbone: what `build_backbone` returned for `name`.
        name: one of `BACKBONES`.
        weights: `"imagenet"`, `"none"` to keep the random ones, the path of a `.weights.h5`
            of Keras 3 or a `.h5` of `keras.applications`, saved with or without its top, or a
            folder that holds such a file for each backbone: see `file_in_folder`.

    Raises:
        UserError: the file is missing, damaged, of another format or of another network, or
            ImageNet weights cannot be had.
    """
    entry = find_backbone(name)
    if weights == "none":
        return
    if Path(weights).expanduser().is_dir():
        weights = file_in_folder(entry, weights)
    if weights == "imagenet" and name == "efficientnet_lite0":
        load_imagenet_weights(backbone)
        return
    network = download_network(entry) if weights == "imagenet" else read_network(entry, weights)
    normalise_as_imagenet(network)
    if [v.shape for v in network.weights] != [v.shape for v in backbone.weights]:
        raise UserError(f"the model given is not a {name}; build it under that name")
    backbone.set_weights(network.get_weights())


def file_in_folder(backbone: Backbone, folder: str) -> str:
    """Returns the file of a backbone in a folder that holds one for each.

    It is named for the backbone, `NAME.weights.h5` or `NAME.h5`, or as Keras names the download.
    EfficientNet-Lite0, whose weights are installed with the samples, needs none.

    Args:
        backbone: a row of `BACKBONES`.
        folder: the path of the folder.

    Raises:
        UserError: there is no such file.
    """
    names = [f"{backbone.name}.weights.h5", f"{backbone.name}.h5"]
    names += filter(None, [IMAGENET_FILES.get(backbone.name)])
    paths = [Path(folder).expanduser() / name for name in names]
    found = next((str(path) for path in paths if path.is_file()), None)
    if found is None and backbone.name not in IMAGENET_FILES:
        return "imagenet"
    if found is None:
        raise UserError(
            f"the folder of weights {folder} has none for {backbone.name}: name the file {names[0]}"
        )
    return found


def read_network(backbone: Backbone, weights: str) -> keras.Model:
    """Returns a network with the weights of a file.

    Args:
        backbone: a row of `BACKBONES`.
        weights: the path of a `.weights.h5` of Keras 3, or of a `.h5` of `keras.applications`.

    Raises:
        UserError: the file is missing, damaged, of another format or of another network, or
            holds NaN or infinity.
    """
    path = Path(weights).expanduser()
    if path.suffix != ".h5":
        raise UserError(
            f"weights {weights!r} are of no known kind for {backbone.name}: give imagenet, none, a "
            f".weights.h5 or .h5 file, or a folder of them{nearest(weights, ('imagenet', 'none'))}"
        )
    if not path.is_file():
        raise UserError(
            f"--weights {weights}: no such file{nearest_sibling(path)}; "
            f"give one with the weights of {backbone.name}"
        )
    network = build_network(backbone, backbone.default_shape)
    _forget_weights(network)
    try:
        with warnings.catch_warnings():
            # Keras warns of what it skips, and goes on; here that ends in an error below.
            warnings.simplefilter("ignore")
            _load_file(network, path)
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"weights {weights} do not fit {backbone.name}: {reason}") from error
    _check_finite(network, backbone, weights)
    return network


def _forget_weights(network: keras.Model) -> None:
    """Makes whatever a file leaves out show up as not a number."""
    for variable in network.weights:
        if variable.dtype.startswith("float"):
            variable.assign(np.full(variable.shape, np.nan, variable.dtype))


def _load_file(network: keras.Model, path: Path) -> None:
    try:
        network.load_weights(path)
    except ValueError:
        if path.name.endswith(".weights.h5"):
            raise
        # A file with its top has more layers than the network, and those match by name.
        network.load_weights(path, by_name=True)


def _check_finite(network: keras.Model, backbone: Backbone, weights: str) -> None:
    for layer in network.layers:
        if not all(np.isfinite(value).all() for value in layer.get_weights()):
            raise UserError(
                f"weights {weights} do not fit {backbone.name}: layer {layer.name!r} is absent "
                "from the file, or holds NaN or infinity"
            )


def download_network(backbone: Backbone) -> keras.Model:
    """Returns a network of `keras.applications` with ImageNet weights, downloaded unless at hand.

    Args:
        backbone: a row of `BACKBONES`.

    Raises:
        UserError: the download fails.
    """
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)
    try:
        return build_network(backbone, backbone.default_shape, weights="imagenet")
    except Exception as error:
        folder = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
        raise UserError(
            f"the ImageNet weights of {backbone.name} could not be downloaded: put "
            f"{IMAGENET_FILES[backbone.name]} into {folder}, or give its place with --weights PATH"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
