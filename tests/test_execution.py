"""Steps at once: how many are taken, and that the outcome does not tell."""

import keras
import pytest
import yaml

import maquette
from maquette.callbacks.nan_guard import NanGuard
from maquette.callbacks.weight_averaging import WeightAveraging
from maquette.errors import UserError
from maquette.execution import StepClock, acts_on_every_step, divisor, steps_at_once

SMALL = {"hidden_units": (8,), "dropout": 0.2, "epochs": 4, "batch_size": 128}


def record_of(run: maquette.Run) -> dict:
    return yaml.safe_load((run.path / "config.yaml").read_text())


@pytest.fixture
def eager_to_take_many(monkeypatch):
    """Let more steps at once pay however short the training is."""
    monkeypatch.setattr(StepClock, "pays", lambda clock, steps: True)


def test_steps_at_once_divide_those_of_an_epoch():
    assert [divisor(45, most) for most in (1, 4, 5, 44, 45, 99)] == [1, 3, 5, 15, 45, 45]
    assert divisor(47, 46) == 1


def test_an_execution_lasts_a_quarter_of_a_second_at_most():
    assert steps_at_once(40, step_seconds=0.001) == 40
    assert steps_at_once(40, step_seconds=0.02) == 10
    assert steps_at_once(40, step_seconds=0.3) == 1
    assert steps_at_once(1000, step_seconds=0.0001) == 125


def test_short_trainings_and_slow_steps_do_not_pay_for_compiling_again():
    clock = StepClock()
    clock.seconds = [1.0, 0.001, 0.001]
    assert not clock.pays(steps=500)
    assert clock.pays(steps=5000)


def test_the_first_step_which_is_compiled_is_not_taken_for_a_usual_one():
    clock = StepClock()
    clock.seconds = [9.0, 0.002, 0.001, 0.003]
    assert clock.step_seconds == 0.002


def test_what_acts_on_every_step_says_so():
    assert acts_on_every_step([keras.callbacks.Callback(), NanGuard()])
    assert acts_on_every_step([WeightAveraging(momentum=0.9)])
    assert not acts_on_every_step([keras.callbacks.Callback(), WeightAveraging()])


def test_the_outcome_is_the_same_to_the_bit_for_any_number(tmp_path, eager_to_take_many, capsys):
    hashes, histories = set(), []
    for name, steps in (("one", 1), ("few", 3), ("chosen", None)):
        run = maquette.train("mlp", out=tmp_path, name=name, steps_per_execution=steps, **SMALL)
        hashes.add(record_of(run)["state_sha256"])
        histories.append([{**row, "seconds": 0} for row in run.history])
    assert len(hashes) == 1
    assert histories[0] == histories[1] == histories[2]
    assert capsys.readouterr().err.count("10 steps at once from here on") == 1


def test_a_callback_that_acts_on_every_step_has_them_one_at_a_time(
    tmp_path, eager_to_take_many, capsys
):
    maquette.train("mlp", out=tmp_path, callbacks=["nan_guard"], **SMALL)
    assert "at once" not in capsys.readouterr().err


def test_no_steps_at_all_are_refused(tmp_path):
    with pytest.raises(UserError, match="steps_per_execution must be 1 or more; received 0"):
        maquette.train("mlp", out=tmp_path, steps_per_execution=0)
