"""Transfer learning: what its two stages change, and what they leave as it was."""

import keras
import numpy as np
import pytest

import maquette
from maquette.backbones.catalogue import build_backbone
from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.datasets import digits
from maquette.errors import UserError
from maquette.templates import transfer

BACKBONE, SIZE, SEED = "mobilenet_v3_small", 32, 1


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory) -> str:
    """Weights that tell images apart: random kernels, and the statistics that these give."""
    keras.utils.set_random_seed(0)
    backbone = build_backbone(BACKBONE, (SIZE, SIZE, 3))
    split = digits.load().splits["train"]
    images = np.stack([split.read(index, (SIZE, SIZE, 3)) for index in range(256)])
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    backbone(images.astype("float32"), training=True)
    path = tmp_path_factory.mktemp("weights") / "backbone.weights.h5"
    backbone.save_weights(path)
    return str(path)


@pytest.fixture(scope="module")
def options(weights_file) -> dict:
    """Options of one epoch of the head alone."""
    return {
        "backbone": BACKBONE,
        "weights": weights_file,
        "image_size": SIZE,
        "dropout": 0.0,
        "head_epochs": 1,
        "epochs": 0,
    }


def train(out, **options) -> maquette.Run:
    return maquette.train("transfer", data="digits", out=out, seed=SEED, **options)


@pytest.fixture(scope="module")
def head_run(options, tmp_path_factory) -> maquette.Run:
    return train(tmp_path_factory.mktemp("head"), **options)


def initial_model(options: dict) -> keras.Model:
    """Return the model as it is before the first stage."""
    config = transfer.Config(**options)
    keras.utils.set_random_seed(SEED)
    model = transfer.build(config, digits.load())
    transfer.pretrained(model, config, digits.load())
    return model


def train_head_through_backbone(model: keras.Model, config: transfer.Config) -> None:
    model.get_layer("backbone").trainable = False
    logits = model.input
    for name in ("as_float", "backbone", "dropout", "logits"):
        logits = model.get_layer(name)(logits)
    whole = keras.Model(model.input, logits)
    transfer.compile_for(whole, config, config.head_learning_rate)
    images = transfer.TASK.examples(model, digits.load(), "train").kept("reading")
    whole.fit(
        images.shuffled(config.batch_size, SEED),
        steps_per_epoch=images.steps(config.batch_size),
        callbacks=[CosineSchedule()],
        shuffle=False,
        verbose=0,
    )


def test_a_head_on_cached_features_learns_what_it_would_behind_the_frozen_backbone(
    options, head_run
):
    model = initial_model(options)
    before = model.get_layer("logits").get_weights()
    train_head_through_backbone(model, transfer.Config(**options))
    expected = model.get_layer("logits").get_weights()
    received = head_run.model.get_layer("logits").get_weights()
    for old, through_backbone, on_features in zip(before, expected, received, strict=True):
        assert np.abs(through_backbone - old).max() > 0.01
        np.testing.assert_allclose(on_features, through_backbone, atol=1e-4)


def test_the_head_stage_leaves_the_backbone_as_it_was_to_the_bit(options, head_run):
    before = initial_model(options).get_layer("backbone").get_weights()
    for old, new in zip(before, head_run.model.get_layer("backbone").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_fine_tuning_moves_the_kernels_but_not_the_batch_normalization(options, tmp_path):
    # With a head that learns nothing, the epoch of fine-tuning is the best.
    slow_head = {"head_learning_rate": 1e-12, "epochs": 1, "learning_rate": 1e-3, "unfreeze": 1.0}
    run = train(tmp_path, **{**options, **slow_head})
    assert [row["stage"] for row in run.history] == ["head", "fine_tune"]
    before = initial_model(options).get_layer("backbone")
    moved = {keras.layers.BatchNormalization: [], keras.layers.Conv2D: []}
    for old, new in zip(before.layers, run.model.get_layer("backbone").layers, strict=True):
        for array, other in zip(old.get_weights(), new.get_weights(), strict=True):
            moved.setdefault(type(old), []).append(not np.array_equal(array, other))
    assert moved[keras.layers.BatchNormalization]
    assert not any(moved[keras.layers.BatchNormalization])
    assert all(moved[keras.layers.Conv2D])


def test_options_that_leave_nothing_to_train_are_refused_and_leave_no_run(tmp_path):
    with pytest.raises(UserError, match="nothing to train; give --epochs 1 or more"):
        maquette.train("transfer", "digits", out=tmp_path, weights="none", epochs=0, image_size=32)
    assert list(tmp_path.iterdir()) == []
