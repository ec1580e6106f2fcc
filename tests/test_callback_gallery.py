"""The callbacks that a training can be given: found by listing the folder, made by name."""

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import maquette.callbacks
from maquette.callback_gallery import (
    TrainingContext,
    callback_names,
    list_callbacks,
    make_callbacks,
    require_callbacks,
)
from maquette.errors import UserError
from maquette.gallery import load_template
from maquette.resumable import remembered

TEMPLATE = load_template("mlp")
FOR_ANY = [name for name in callback_names() if name != "sample_film"]


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> TrainingContext:
    """A small training on digits."""
    config, task = TEMPLATE.TINY, TEMPLATE.TASK
    data = task.open(task.sample, config)
    model = TEMPLATE.build(config, data)
    sets = {name: task.examples(model, data, name).sample(64) for name in ("train", "validation")}
    folder = tmp_path_factory.mktemp("run")
    return TrainingContext(model, TEMPLATE, config, data, task, sets, folder, 0, 16)


def fit(context: TrainingContext, callbacks: list, epochs: int = 2) -> None:
    train, validation = context.examples["train"], context.examples["validation"]
    context.model.fit(
        train.shuffled(16, 0),
        steps_per_epoch=4,
        validation_data=validation.in_order(16),
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )


@pytest.mark.parametrize("name", FOR_ANY)
def test_every_listed_callback_works_in_a_training_and_leaves_finite_weights(context, name):
    fit(context, make_callbacks([name], context))
    assert all(np.isfinite(weights).all() for weights in context.model.get_weights())


def test_all_of_them_work_together(context):
    fit(context, make_callbacks(FOR_ANY, context))
    figures = {path.name for path in (context.folder / "figures").iterdir()}
    assert {"gradient_flow.png", "confusion_over_training.gif"} <= figures
    assert list((context.folder / "tensorboard" / "train").rglob("events*"))


def test_what_a_callback_keeps_of_the_data_is_no_part_of_a_saved_state(context):
    callbacks = make_callbacks(FOR_ANY, context)
    fit(context, callbacks)
    size = context.examples["train"].x[:16].nbytes
    for callback in callbacks:
        for name, value in remembered(callback).items():
            assert not (isinstance(value, np.ndarray) and value.nbytes >= size), name


def test_listed_are_the_files_that_make_a_callback_for_a_training():
    folder = Path(maquette.callbacks.__path__[0])
    having = {path.stem for path in folder.glob("*.py") if "def for_training(" in path.read_text()}
    assert callback_names() == sorted(having)
    assert "cosine_schedule" not in having
    assert {"gradient_flow", "nan_guard", "tensorboard", "weight_averaging"} <= having


def test_every_callback_has_a_card_of_one_line_and_a_command():
    cards = list_callbacks()
    assert [card.name for card in cards] == callback_names()
    for card in cards:
        assert card.summary.endswith("."), card.name
        assert f"--callbacks {card.name}" in card.text


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["gradient_flo"], "no callback 'gradient_flo'; perhaps you meant 'gradient_flow'"),
        (["cosine_schedule"], "no callback 'cosine_schedule'"),
        (["nan_guard", "nan_guard"], "--callbacks has 'nan_guard' twice"),
    ],
)
def test_a_name_that_is_wrong_is_told_in_one_line(names, told):
    with pytest.raises(UserError, match=told):
        require_callbacks(names)


def test_listing_does_not_import_tensorflow():
    code = (
        "import sys; from maquette.callback_gallery import list_callbacks, require_callbacks;"
        "list_callbacks(); require_callbacks(['nan_guard']); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_callback_for_another_kind_of_template_says_so(context):
    other = replace(context, template=load_template("vae"), task=load_template("vae").TASK)
    with pytest.raises(UserError, match="is for what tells classes; vae does not"):
        make_callbacks(["confusion_over_training"], other)
    with pytest.raises(UserError, match=r"sample_film is for autoencoders .* mlp is none"):
        make_callbacks(["sample_film"], context)


@pytest.mark.parametrize("latents", [2, 3])
def test_an_autoencoder_is_filmed_from_the_same_codes(context, latents, tmp_path):
    vae = load_template("vae")
    config = vae.TINY.model_copy(update={"latent_dim": latents})
    model = vae.build(config, context.data)
    changed = {"model": model, "template": vae, "task": vae.TASK, "folder": tmp_path}
    (film,) = make_callbacks(["sample_film"], replace(context, config=config, **changed))
    images = film.generate()
    assert images.shape == (144 if latents == 2 else 36, 8, 8, 1)
    np.testing.assert_array_equal(images, film.generate())
    assert film.folder == tmp_path


def test_averaging_is_refused_where_the_optimizer_averages(context):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True), "mse")
    with pytest.raises(UserError, match="mlp averages its weights as it is"):
        make_callbacks(["weight_averaging"], replace(context, model=model))


def test_files_of_callbacks_are_imported_absolutely():
    for name in callback_names():
        path = Path(maquette.callbacks.__path__[0], f"{name}.py")
        imports = (
            n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)
        )
        assert all(node.level == 0 for node in imports), name
