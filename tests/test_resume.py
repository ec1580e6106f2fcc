"""A training that is stopped and gone on with is the training that was never stopped."""

import shutil

import keras
import numpy as np
import pytest
from resume import different, train_killed

import maquette
from maquette.gallery import load_template, template_names
from maquette.resumable import FitState, ResumableCallbacks, remembered, variables_of

SMALL = {"data": "digits", "hidden_units": (8,), "epochs": 3}
KILLS = 5


def one_template_of_each_task():
    tasks = {type(load_template(name).TASK): name for name in reversed(template_names())}
    return sorted(tasks.values())


@pytest.mark.parametrize("template", one_template_of_each_task())
def test_killed_trainings_end_as_if_never_killed(template, tmp_path):
    outcome = train_killed(template, tmp_path, KILLS)
    assert outcome.kills == KILLS
    assert outcome.differences == []


def stopped(tmp_path, name, **options):
    """Train until the time, none, is up after the first step; return the run's folder."""
    with pytest.raises(KeyboardInterrupt):
        maquette.train("mlp", out=tmp_path, name=name, max_minutes=1e-9, **SMALL, **options)
    return tmp_path / "mlp" / name


def test_out_of_time_keeps_a_state_to_go_on_from(tmp_path, command):
    whole = maquette.train("mlp", out=tmp_path, name="whole", **SMALL)
    folder = stopped(tmp_path, "stopped")
    outcome = command("train", "--resume", folder)
    assert (outcome.code, outcome.out.splitlines()[-1]) == (0, str(folder))
    assert different(whole, maquette.Run(folder)) == []
    assert not (folder / "state").exists()


def test_interrupting_keeps_the_best_epoch_and_the_way_on(tmp_path, monkeypatch, capsys):
    whole = maquette.train("mlp", out=tmp_path, name="whole", **SMALL)

    def interrupt(self, epoch, logs=None, end=ResumableCallbacks.on_epoch_begin):
        end(self, epoch, logs)
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ResumableCallbacks, "on_epoch_begin", interrupt)
        run = maquette.train("mlp", out=tmp_path, name="run", save_minutes=0, **SMALL)
    assert len(run.history) == 2
    assert "accuracy" in run.metrics["validation"]["metrics"]
    assert f"maquette train --resume {run.path}" in capsys.readouterr().err
    assert different(whole, maquette.resume(run.path)) == []


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch, capsys):
    def full(self, state):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("maquette.states.StateFolder.save", full)
    run = maquette.train("mlp", out=tmp_path, name="run", **SMALL)
    assert run.is_finished
    assert "cannot save the state (No space left on device)" in capsys.readouterr().err


def test_mistakes_are_one_line(tmp_path, command, digits_run):
    outcome = command("train", "--resume", digits_run.path)
    assert outcome.code == 2
    assert "is finished" in outcome.err
    outcome = command("train", "--resume", tmp_path / "nowhere")
    assert outcome.code == 2
    assert "no run folder" in outcome.err
    outcome = command("train", "--resume", digits_run.path, "--epochs", "3")
    assert outcome.code == 2
    assert "--epochs" in outcome.err


def test_other_data_is_refused(tmp_path, pets, command):
    with pytest.raises(KeyboardInterrupt):
        maquette.train("cnn", pets, out=tmp_path, name="run", image_size=8, max_minutes=1e-9)
    photo = next((pets / "cats").iterdir())
    shutil.copy(photo, pets / "dogs" / f"another{photo.suffix}")
    outcome = command("train", "--resume", tmp_path / "cnn" / "run")
    assert outcome.code == 2
    assert "has changed since" in outcome.err
    assert (tmp_path / "cnn" / "run" / "state").is_dir()


def test_a_state_of_another_model_is_refused(tmp_path, command):
    folder = stopped(tmp_path, "stopped")
    record = folder / "config.yaml"
    record.write_text(record.read_text().replace("- 8", "- 9"))
    outcome = command("train", "--resume", folder)
    assert outcome.code == 2
    assert "another model" in outcome.err


def test_callbacks_see_one_training_of_whole_epochs():
    seen = []

    class Witness(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(("begin", self.params["epochs"], self.params["steps"]))

        def on_train_batch_begin(self, batch, logs=None):
            seen.append(batch)

        def on_train_end(self, logs=None):
            seen.append("end")

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 1), np.float32)
    start = FitState(epoch=1, step=2)
    callbacks = ResumableCallbacks(
        [Witness()], lambda: variables_of(model), 3, 4, start, lambda state: None, 9
    )
    fit = {"batch_size": 1, "verbose": 0, "callbacks": [callbacks]}
    model.fit(x[2:], x[2:], initial_epoch=1, epochs=2, **fit)
    model.fit(x, x, initial_epoch=2, epochs=3, **fit)
    assert seen == [("begin", 3, 4), 2, 3, 0, 1, 2, 3, "end"]


def test_what_a_callback_remembers_is_copied():
    callback = keras.callbacks.EarlyStopping()
    callback.best_weights = [np.zeros(2)]
    values = remembered(callback)
    callback.best_weights[0][:] = 1
    assert values["best_weights"][0].tolist() == [0, 0]
    assert "model" not in values
    assert "params" not in values
