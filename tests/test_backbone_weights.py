"""Weights reach a backbone whole and from the right network, or not at all."""

import socket
from pathlib import Path

import keras
import numpy as np
import pytest

from maquette.backbones.catalogue import BACKBONES, build_backbone, build_network
from maquette.backbones.weights import file_in_folder, load_weights
from maquette.errors import UserError
from maquette.samples import sample_status


@pytest.fixture
def mobilenet():
    return build_backbone("mobilenet", (32, 32, 3))


@pytest.fixture
def write_weights(tmp_path):
    def write(network, file):
        path = tmp_path / file
        network.save_weights(path) if file.endswith(".weights.h5") else network.save(path)
        return str(path)

    return write


def refusal(backbone, name, weights):
    """Returns the one line that says why the weights do not do."""
    with pytest.raises(UserError) as caught:
        load_weights(backbone, name, weights)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    return message


def trainable(model):
    return [variable.numpy() for variable in model.trainable_weights]


@pytest.mark.parametrize("name", ["mobilenet", "efficientnet_b0"])
@pytest.mark.parametrize("source", ["network", "backbone"])
def test_weights_saved_by_keras_are_read_back(name, source, write_weights):
    plain = source == "network"
    saved = (
        build_network(BACKBONES[name], (32, 32, 3)) if plain else build_backbone(name, (32, 32, 3))
    )
    path = write_weights(saved, "saved.weights.h5")
    backbone = build_backbone(name, (32, 32, 3))
    load_weights(backbone, name, path)
    for ours, theirs in zip(trainable(backbone), trainable(saved), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("include_top", [False, True])
def test_legacy_weights_are_read_with_and_without_their_top(mobilenet, include_top, write_weights):
    network = keras.applications.MobileNet(
        input_shape=(32, 32, 3), weights=None, include_top=include_top, classes=5
    )
    load_weights(mobilenet, "mobilenet", write_weights(network, "legacy.h5"))
    for ours, theirs in zip(trainable(mobilenet), trainable(network), strict=False):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("file", ["other.weights.h5", "other.h5"])
@pytest.mark.parametrize("other", ["mobilenet_v2", "mobilenet_v3_small", "vgg16"])
def test_weights_of_another_network_are_refused(mobilenet, other, file, write_weights):
    path = write_weights(build_network(BACKBONES[other], (32, 32, 3)), file)
    assert path in refusal(mobilenet, "mobilenet", path)


def test_weights_are_refused_by_a_backbone_of_another_name(mobilenet, write_weights):
    path = write_weights(build_network(BACKBONES["vgg16"], (32, 32, 3)), "vgg.weights.h5")
    assert "the model given is not a vgg16" in refusal(mobilenet, "vgg16", path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(mobilenet, value, write_weights):
    network = build_network(BACKBONES["mobilenet"], (32, 32, 3))
    network.get_layer("conv_pw_3").kernel.assign(np.full((1, 1, 128, 128), value))
    path = write_weights(network, "damaged.weights.h5")
    before = mobilenet.get_weights()
    assert "conv_pw_3" in refusal(mobilenet, "mobilenet", path)
    for ours, theirs in zip(mobilenet.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("file", ["noise.weights.h5", "noise.h5"])
@pytest.mark.parametrize("content", [b"", b"not an HDF5 file", b"\x89HDF\r\n\x1a\n" + bytes(64)])
def test_damaged_files_are_refused(mobilenet, tmp_path, file, content):
    path = tmp_path / file
    path.write_bytes(content)
    assert str(path) in refusal(mobilenet, "mobilenet", str(path))


def test_file_cut_short_is_refused(mobilenet, tmp_path, write_weights):
    whole = write_weights(mobilenet, "whole.weights.h5")
    path = tmp_path / "cut.weights.h5"
    path.write_bytes(Path(whole).read_bytes()[:1_000_000])
    assert str(path) in refusal(mobilenet, "mobilenet", str(path))


def test_missing_files_and_other_kinds_are_refused(mobilenet, tmp_path):
    assert "missing" in refusal(mobilenet, "mobilenet", str(tmp_path / "absent.weights.h5"))
    (tmp_path / "folder.h5").mkdir()
    assert "missing" in refusal(mobilenet, "mobilenet", str(tmp_path / "folder.h5"))
    assert "no known kind" in refusal(mobilenet, "mobilenet", "weights.pkl")
    assert "perhaps you meant 'imagenet'" in refusal(mobilenet, "mobilenet", "imagnet")


def test_failed_download_names_the_file_and_the_way_out(mobilenet, monkeypatch):
    timeouts = []

    def fail(**options):
        timeouts.append(socket.getdefaulttimeout())
        raise Exception("URL fetch failure on https://example.invalid/mobilenet.h5: None -- no")

    monkeypatch.setattr(keras.applications, "MobileNet", fail)
    message = refusal(mobilenet, "mobilenet", "imagenet")
    assert "mobilenet_1_0_224_tf_no_top.h5" in message
    assert "--weights PATH" in message
    assert timeouts == [15]
    assert socket.getdefaulttimeout() is None


def test_no_weights_keep_the_random_ones(mobilenet):
    before = mobilenet.get_weights()
    load_weights(mobilenet, "mobilenet", "none")
    for ours, theirs in zip(mobilenet.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(
    sample_status()["efficientnet_lite0"] != "ok", reason="maquette[samples] is not installed"
)
def test_imagenet_weights_of_the_samples_need_no_network():
    backbone = build_backbone("efficientnet_lite0", (32, 32, 3))
    load_weights(backbone, "efficientnet_lite0", "imagenet")
    means = backbone.get_layer("head_bn").moving_mean.numpy()
    assert np.isfinite(means).all()
    assert np.ptp(means) > 0


@pytest.mark.parametrize(
    "file", ["mobilenet.weights.h5", "mobilenet.h5", "mobilenet_1_0_224_tf_no_top.h5"]
)
def test_a_folder_of_weights_holds_a_file_for_each_backbone(mobilenet, file, write_weights):
    saved = build_network(BACKBONES["mobilenet"], (32, 32, 3))
    folder = str(Path(write_weights(saved, file)).parent)
    load_weights(mobilenet, "mobilenet", folder)
    for ours, theirs in zip(trainable(mobilenet), trainable(saved), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = build_backbone("mobilenet_v2", (32, 32, 3))
    told = refusal(other, "mobilenet_v2", folder)
    assert f"{folder} has none for mobilenet_v2: name the file mobilenet_v2.weights.h5" in told


def test_what_is_installed_with_the_samples_need_not_be_in_the_folder(tmp_path):
    assert file_in_folder(BACKBONES["efficientnet_lite0"], str(tmp_path)) == "imagenet"
    file = tmp_path / "efficientnet_lite0.h5"
    file.touch()
    assert file_in_folder(BACKBONES["efficientnet_lite0"], str(tmp_path)) == str(file)
