"""EfficientNet-Lite0 must be the published network: right classes, stock layers, no gaps."""

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_image

from maquette.backbones.efficientnet_lite import EfficientNetLite0, load_imagenet_weights
from maquette.errors import UserError
from maquette.samples import sample_status

needs_weights = pytest.mark.skipif(
    sample_status()["efficientnet_lite0"] != "ok", reason="maquette[samples] is not installed"
)


@pytest.fixture(scope="module")
def classifier():
    model = EfficientNetLite0(include_top=True)
    load_imagenet_weights(model)
    return model


def photograph(name):
    image = Image.fromarray(load_sample_image(name))
    square = ImageOps.fit(image, (224, 224), Image.Resampling.BICUBIC)
    return (np.asarray(square, "float32")[None] - 127.0) / 128.0


@needs_weights
def test_imagenet_weights_recognise_a_chinese_temple(classifier):
    probabilities = classifier(photograph("china.jpg")).numpy()[0]
    assert set(np.argsort(probabilities)[-2:]) == {442, 698}  # bell cote, palace


@needs_weights
def test_imagenet_weights_recognise_a_flower(classifier):
    probabilities = classifier(photograph("flower.jpg")).numpy()[0]
    assert probabilities.argmax() == 985  # daisy


@needs_weights
def test_classifier_loads_as_a_plain_keras_model(classifier, tmp_path):
    classifier.save(tmp_path / "lite.keras")
    loaded = keras.models.load_model(tmp_path / "lite.keras")
    assert {type(layer).__module__.split(".")[0] for layer in loaded.layers} == {"keras"}
    images = photograph("flower.jpg")
    np.testing.assert_allclose(loaded(images), classifier(images), atol=1e-6)


@needs_weights
def test_features_are_those_before_the_classifier(classifier):
    features = EfficientNetLite0(input_shape=(64, 64, 3))
    load_imagenet_weights(features)
    pooled = keras.Model(classifier.inputs, classifier.get_layer("avg_pool").output)
    assert features.output_shape == (None, 1280)
    for ours, theirs in zip(features.get_weights(), pooled.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_parameter_count_is_the_published_one():
    model = EfficientNetLite0((32, 32, 3), include_top=True)
    trainable = sum(np.prod(variable.shape) for variable in model.trainable_weights)
    assert trainable == 4_652_008  # 4.7 million in the release notes


def test_last_feature_map_keeps_its_size_without_pooling():
    assert EfficientNetLite0((64, 96, 3), pooling=None).output_shape == (None, 2, 3, 1280)


def test_unknown_pooling_is_refused():
    with pytest.raises(UserError, match="'median' is unknown"):
        EfficientNetLite0((32, 32, 3), pooling="median")


@needs_weights
def test_weights_are_refused_by_a_model_with_other_layers():
    strange = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="other")])
    with pytest.raises(UserError, match="'other' is not one of EfficientNet-Lite0"):
        load_imagenet_weights(strange)


@needs_weights
def test_weights_are_refused_by_a_model_that_lacks_a_layer():
    whole = EfficientNetLite0((32, 32, 3))
    stem = keras.Model(whole.inputs, whole.get_layer("stem_relu").output)
    with pytest.raises(UserError, match="the model lacks"):
        load_imagenet_weights(stem)
