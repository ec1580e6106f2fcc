"""A backbone without batch normalization computes the same, with fewer operations."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from maquette.backbones.catalogue import BACKBONES, build_backbone
from maquette.backbones.folding import fold_batch_normalization


def normalizations(model: keras.Model) -> list[keras.Layer]:
    return [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def with_random_statistics(model: keras.Model) -> keras.Model:
    """Give batch normalization what training would, so that leaving it out would show."""
    rng = np.random.default_rng(1)
    for layer in normalizations(model):
        shapes = [weight.shape for weight in layer.weights]
        layer.set_weights([rng.uniform(0.5, 1.5, shape) for shape in shapes])
    return model


@pytest.mark.parametrize("name", BACKBONES)
def test_folding_changes_no_feature(name):
    size = max(64, BACKBONES[name].min_size)
    model = with_random_statistics(build_backbone(name, (size, size, 3)))
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    expected = np.asarray(model(images, training=False))
    folded = np.asarray(fold_batch_normalization(model)(images, training=False))
    assert expected.std() > 0
    np.testing.assert_allclose(folded, expected, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v2", "resnet50"])
def test_every_normalization_after_a_convolution_is_folded(name):
    model = build_backbone(name, (64, 64, 3))
    assert normalizations(model)
    assert normalizations(fold_batch_normalization(model)) == []


def test_a_backbone_that_is_part_of_another_model_is_folded_too():
    model = build_backbone("efficientnet_lite0", (64, 64, 3))
    image = keras.Input((64, 64, 3))
    keras.Model(image, keras.layers.Dense(2)(model(image)))
    assert normalizations(fold_batch_normalization(model)) == []


def test_the_original_is_left_as_it_is():
    model = with_random_statistics(build_backbone("mobilenet_v2", (64, 64, 3)))
    before = model.get_weights()
    fold_batch_normalization(model)
    for first, second in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_normalization_whose_input_is_used_elsewhere_stays():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(image)
    model = keras.Model(image, keras.layers.BatchNormalization()(x) + x)
    assert len(normalizations(fold_batch_normalization(model))) == 1
