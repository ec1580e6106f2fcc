"""Options that only judge: `evaluate` takes them, and a run keeps what it was trained with."""

from __future__ import annotations

import json

import pytest

import maquette
from maquette.errors import UserError


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> maquette.Run:
    return maquette.train(
        "siamese", data="digits", filters=(8,), embedding_dim=4, epochs=1, trials=10,
        out=tmp_path_factory.mktemp("runs"), name="digits",
    )  # fmt: skip


def one_shot(result: dict) -> dict:
    return result["tables"]["One-shot tests"][-1]


def test_a_run_is_judged_in_another_way_without_training_again(run, command):
    assert one_shot(maquette.evaluate(run, ways=2))["ways"] == 2
    told = command("evaluate", run.path, "--ways", 2, "--trials", 7, "--json")
    assert told.code == 0
    assert one_shot(json.loads(told.out))["ways"] == 2
    assert maquette.Run(run.path).config.trials == 10


def test_the_options_of_the_run_are_the_defaults_that_help_tells(run, command):
    told = command("evaluate", run.path, "--help")
    assert "--trials INT" in told.out
    assert "(default: 10)" in told.out
    assert "--filters" not in told.out


def test_an_option_out_of_range_is_refused(run, command):
    told = command("evaluate", run.path, "--trials", 0)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("maquette: --trials should be greater than 0; received 0")


def test_an_option_that_decides_what_is_trained_is_refused(run, command):
    with pytest.raises(UserError, match=r"--epochs was decided when .* was trained; train again"):
        maquette.evaluate(run, epochs=9)
    told = command("evaluate", run.path, "--epochs", 9)
    assert told.code == 2
    assert "unknown option --epochs" in told.err


def test_an_unknown_option_is_refused(run):
    with pytest.raises(UserError, match="unknown option --trails; perhaps you meant 'trials'"):
        maquette.evaluate(run, trails=5)
