"""Every backbone takes raw pixels, survives a file, and refuses weights that are not its own."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from maquette.backbones.catalogue import (
    BACKBONES,
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    build_backbone,
    build_network,
    trainable_from_top,
)
from maquette.errors import UserError

PREPROCESS = {
    "mobilenet": keras.applications.mobilenet.preprocess_input,
    "mobilenet_v2": keras.applications.mobilenet_v2.preprocess_input,
    "mobilenet_v3_small": keras.applications.mobilenet_v3.preprocess_input,
    "mobilenet_v3_large": keras.applications.mobilenet_v3.preprocess_input,
    "efficientnet_b0": keras.applications.efficientnet.preprocess_input,
    "efficientnet_v2_b0": keras.applications.efficientnet_v2.preprocess_input,
    "resnet50": keras.applications.resnet.preprocess_input,
    "resnet50_v2": keras.applications.resnet_v2.preprocess_input,
    "vgg16": keras.applications.vgg16.preprocess_input,
    "vgg19": keras.applications.vgg19.preprocess_input,
    "inception_v3": keras.applications.inception_v3.preprocess_input,
    "efficientnet_lite0": lambda pixels: (pixels - 127.0) / 128.0,
}


def smallest(name):
    size = BACKBONES[name].min_size
    return (size, size, 3)


def pixels(shape):
    return np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype("float32")


@pytest.fixture
def mobilenet():
    return build_backbone("mobilenet", (32, 32, 3))


@pytest.mark.parametrize("name", BACKBONES)
def test_raw_pixels_give_what_the_plain_network_gives_on_preprocessed_ones(name, tmp_path):
    backbone = build_backbone(name, smallest(name))
    network = build_network(BACKBONES[name], smallest(name))
    network.set_weights(backbone.get_weights())
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    images = pixels(smallest(name))
    features = backbone(images).numpy()
    expected = network(PREPROCESS[name](images.copy())).numpy()
    assert backbone.name == "backbone"
    assert features.shape == (2, *backbone.output_shape[1:])
    assert np.ptp(features) > 0
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5 * abs(expected).max())

    backbone.save(tmp_path / "backbone.keras")
    loaded = keras.models.load_model(tmp_path / "backbone.keras")
    assert {type(layer).__module__.split(".")[0] for layer in loaded.layers} == {"keras"}
    np.testing.assert_array_equal(loaded(images), features)


def test_efficientnet_b0_normalises_as_its_imagenet_weights_expect():
    backbone = build_backbone("efficientnet_b0", (32, 32, 3))
    normalisation = next(
        layer for layer in backbone.layers if isinstance(layer, keras.layers.Normalization)
    )
    images = pixels((32, 32, 3))
    normalised = keras.Model(backbone.input, normalisation.output)(images)
    expected = (images / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_DEVIATION)
    np.testing.assert_allclose(normalised, expected, atol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
def test_only_the_top_share_is_trainable_and_never_batch_normalization(name):
    normalisations = keras.layers.BatchNormalization | keras.layers.Normalization
    backbone = build_backbone(name, smallest(name))
    weighted = [layer for layer in backbone.layers if layer.weights]
    others = [layer for layer in weighted if not isinstance(layer, normalisations)]
    for share in (0, 1, 0.3):
        trainable_from_top(backbone, share)
        count = round(share * len(others))
        flags = [layer.trainable for layer in others]
        assert flags == [False] * (len(others) - count) + [True] * count
        assert bool(backbone.trainable_weights) == (share > 0)
        assert not any(layer.trainable for layer in weighted if layer not in others)


def test_share_counts_again_after_the_backbone_was_frozen_whole():
    backbone = build_backbone("mobilenet", (32, 32, 3))
    backbone.trainable = False
    trainable_from_top(backbone, 0.3)
    some = len(backbone.trainable_weights)
    trainable_from_top(backbone, 1)
    assert 0 < some < len(backbone.trainable_weights)


def test_frozen_batch_normalization_keeps_its_statistics_in_training(mobilenet):
    trainable_from_top(mobilenet, 1)
    images = pixels((32, 32, 3))
    before = mobilenet(images).numpy()
    np.testing.assert_array_equal(mobilenet(images, training=True), before)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_share_outside_zero_to_one_is_refused(mobilenet, share):
    with pytest.raises(UserError, match="from 0 to 1"):
        trainable_from_top(mobilenet, share)


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("mobilenet", (31, 64, 3), "mobilenet takes 32x32 or more, not 31x64"),
        ("inception_v3", (75, 74, 3), "inception_v3 takes 75x75 or more, not 75x74"),
        ("mobilenet", (32, 32, 1), "mobilenet takes 3 channels, and 1 were given"),
        ("mobilnet", (32, 32, 3), "perhaps you meant 'mobilenet'"),
    ],
)
def test_shapes_and_names_that_cannot_be_built_are_refused(name, shape, reason):
    with pytest.raises(UserError, match=reason):
        build_backbone(name, shape)


def test_images_need_not_be_square():
    assert build_backbone("resnet50", (64, 96, 3)).output_shape == (None, 2048)


def test_names_are_listed_without_keras():
    code = (
        "import sys; from maquette.backbones.catalogue import BACKBONES; "
        "print(len(BACKBONES), {'keras', 'tensorflow'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "12 set()", answer.stderr
