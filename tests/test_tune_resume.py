"""Searches that end before their last trial, and go on: killed, interrupted, out of time."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time

import keras_tuner as kt
import pytest
import yaml
from instant_training import ALGORITHMS, rows_of, score_of, settings
from keras_tuner.src.distribute import oracle_client

import maquette
from maquette.addresses import Address
from maquette.errors import UserError
from maquette.tuning import trainer, workers
from maquette.tuning.search import Search


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_resumed_search_proposes_what_an_uninterrupted_one_does(tune, resume, trained, algorithm):
    given = {"algorithm": algorithm, "trials": 6, "seed": 2, "dropout": 0.0}
    if algorithm == "bayesian":  # With one setting left, its process takes over after 3 trials.
        given["weight_decay"] = 0.0
    whole = tune(name="whole", **given)
    trained.clear()
    trained.stop_at = 5
    assert len(tune(name="search", **given).trials) == 4
    trained.clear()
    trained.stop_at = None
    search = resume()
    assert len(trained) == 2
    assert settings(search) == settings(whole)


def test_a_trial_under_way_when_the_process_is_killed_runs_again(tmp_path, resume, trained):
    script = f"""
import os
from maquette.tuning import trainer, workers
real, count = trainer.fit_model, []
def fit_model(*arguments, **settings):
    count.append(0)
    if len(count) == 3:
        os._exit(9)
    return real(*arguments, **settings)
trainer.fit_model = fit_model
import maquette
maquette.tune("mlp", out={str(tmp_path)!r}, name="search", trials=5, epochs=1, hidden_units=(8,))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
    assert ended.returncode == 9, ended.stderr
    before = Search(tmp_path / "mlp" / "search").trials
    assert len(before) == 2
    search = resume()
    assert len(trained) == 3
    assert search.trials[:2] == before
    assert [trial.number for trial in search.trials] == [0, 1, 2, 3, 4]
    assert not list(search.path.glob(".*"))


def test_a_trial_that_ended_the_process_twice_is_not_tried_again(
    tune, resume, trained, monkeypatch
):
    search = tune(name="search")
    journal = search.path / "journal.jsonl"
    lost = json.dumps({"event": "start", "trial": 3, "worker": "tuner0", "values": {
        "dropout": 0.1, "learning_rate": 0.001, "weight_decay": 0.0001}})  # fmt: skip
    journal.write_text(journal.read_text() + 2 * f"{lost}\n")
    trained.clear()
    search = resume(trials=5)
    assert len(trained) == 1
    assert search.trials[3].status == "failed"
    assert "the process ended during this trial 2 times" in search.trials[3].error


def test_ctrl_c_keeps_what_is_finished(tune, resume, trained):
    trained.stop_at = 3
    search = tune(name="search", trials=6)
    assert len(search.trials) == 2
    assert len(rows_of(search.path / "trials.csv")) == 2
    assert search.best_config.is_file()
    assert len(resume().trials) == 6


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["heard", "ignored"])
def ctrl_c(request):
    """Ctrl-C as a terminal has it, and as a command behind `&` in a script has it."""
    before = signal.signal(signal.SIGINT, request.param)
    yield request.param
    signal.signal(signal.SIGINT, before)


def test_the_time_limit_ends_a_trial_that_is_under_way(tune, trained, monkeypatch, capsys, ctrl_c):
    fit_model = trainer.fit_model

    def slow(run, data, options):
        if trained:
            time.sleep(60)
        return fit_model(run, data, options)

    monkeypatch.setattr(trainer, "fit_model", slow)
    began = time.monotonic()
    search = tune(trials=4, max_minutes=0.05)
    assert time.monotonic() - began < 20
    assert len(search.trials) == 1
    assert "ended after 1 of 4 trials: the time is over" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is ctrl_c


def test_a_search_is_not_resumed_where_it_would_not_compare(tune, resume, trained, monkeypatch):
    search = tune(name="search")
    with pytest.raises(UserError, match="has begun 3 trials already; received 2"):
        resume(trials=2)
    record = yaml.safe_load((search.path / "search.yaml").read_text())
    for key, message in (("fingerprint", "has changed since"), ("space", "what mlp tunes has")):
        (search.path / "search.yaml").write_text(yaml.safe_dump({**record, key: "other"}))
        with pytest.raises(UserError, match=message):
            resume()
    (search.path / "search.yaml").write_text("damaged")
    with pytest.raises(UserError, match="is damaged"):
        resume()


CHIEF = """
import sys
from maquette.tuning import workers
workers.SILENCE_SECONDS = 2.0
import maquette
out, port = sys.argv[1:]
options = {"epochs": 1, "hidden_units": (8,)}
maquette.tune("mlp", out=out, name="search", trials=3, seed=4, chief=port, **options)
"""


def test_the_trial_of_a_dead_worker_is_handed_out_again(tmp_path, trained, monkeypatch, command):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path / "mlp" / "search"
    chief = subprocess.Popen(
        [sys.executable, "-c", CHIEF, str(tmp_path), str(port)], stderr=subprocess.PIPE, text=True
    )
    try:
        address = Address.of(port)
        wait_until(address.answers)
        with workers.as_worker(address):  # It takes a trial and is never heard of again.
            oracle = oracle_client.OracleClient(kt.oracles.RandomSearchOracle())
            taken = oracle.create_trial("dead").hyperparameters.values
        told = command("tune", "--resume", folder, "--worker", port)
        assert (told.code, told.out) == (0, f"{folder}\n"), told.err
        chief.wait(60)
    finally:
        chief.kill()
    assert chief.returncode == 0, chief.stderr.read()
    assert "dead is silent; another will run its trial" in chief.stderr.read()
    search = Search(folder)
    assert sorted(trial.number for trial in search.trials) == [0, 1, 2]
    assert taken in [run_values(run) for run in trained]
    assert search.best.score == max(score_of(run.config) for run in trained)
    assert (folder / "best.yaml").is_file()
    assert (
        maquette.Run(folder / "best").config.learning_rate == search.best.settings["learning_rate"]
    )
    assert not list(folder.glob(".*"))


def run_values(run) -> dict:
    return {
        name: getattr(run.config, name) for name in ("dropout", "learning_rate", "weight_decay")
    }


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)
