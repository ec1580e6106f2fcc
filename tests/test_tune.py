"""Tuning: every algorithm, failures, and what a search leaves."""

from __future__ import annotations

import json

import pytest
import yaml
from instant_training import ALGORITHMS, SMALL, rows_of, score_of, settings

import maquette
from maquette.errors import GateError, UserError
from maquette.templates import mlp
from maquette.tuning.search import Search


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Search:
    """A search whose trials were really trained. Only to be read."""
    out = tmp_path_factory.mktemp("searches")
    return maquette.tune("mlp", out=out, name="search", trials=3, seed=3, **SMALL)


def test_what_was_scored_is_the_best_epoch_of_a_real_training(searched):
    run = maquette.Run(searched.path / "best")
    values = [row["val_accuracy"] for row in run.history]
    assert len(values) == 3
    assert searched.best.score == max(values)
    assert values[searched.best.epoch - 1] == max(values)
    assert searched.best.score == max(trial.score for trial in searched.trials)


def test_the_best_run_can_be_judged_and_no_other_model_is_kept(searched):
    judged = maquette.evaluate(searched.path / "best", split="validation")
    assert judged["metrics"]["accuracy"] == pytest.approx(searched.best.score, abs=1e-5)
    assert len(list(searched.path.rglob("*.keras"))) == 1
    assert sum(path.stat().st_size for path in searched.path.rglob("*") if path.is_file()) < 500_000


def test_train_takes_the_best_options_and_does_the_best_trial_again(searched, command, tmp_path):
    told = command("train", "mlp", "--config", searched.best_config, "--out", tmp_path)
    assert told.code == 0, told.err
    run = maquette.Run(next((tmp_path / "mlp").iterdir()))
    assert max(row["val_accuracy"] for row in run.history) == searched.best.score
    assert run.config.learning_rate == searched.best.settings["learning_rate"]
    assert run.config.hidden_units == (8,)
    assert run.record["seed"] == 3


def test_the_files_tell_every_trial(searched):
    rows = rows_of(searched.path / "trials.csv")
    assert [row["trial"] for row in rows] == ["1", "2", "3"]
    for row, trial in zip(rows, searched.trials, strict=True):
        assert float(row["val_accuracy"]) == trial.score
        assert float(row["learning_rate"]) == trial.settings["learning_rate"]
        assert (row["hidden_units"], row["epochs"], row["status"]) == ("[8]", "3", "done")
    names = {path.name for path in searched.path.iterdir()}
    assert names == {
        "search.yaml", "journal.jsonl", "trials.csv", "best.yaml", "best", "what_mattered.csv",
        "parallel_coordinates.png",
    }  # fmt: skip


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_finds_the_best_of_its_trials(tune, trained, algorithm):
    search = tune(algorithm=algorithm, trials=7, seed=1)
    scores = [score_of(run.config) for run in trained]
    assert len(search.trials) == 7
    assert search.best.score == max(scores)
    best = yaml.safe_load(search.best_config.read_text())
    assert score_of(mlp.Config(learning_rate=best["learning_rate"])) == max(scores)


def test_a_seed_decides_the_trials_and_the_next_one_shares_none_of_them(tune, trained):
    one = {"dropout": 0.0, "weight_decay": 0.0}  # Of one setting, KerasTuner draws 1, 2, 3, ...
    first, again, other = (tune(name=str(n), seed=n // 2, **one) for n in range(3))
    assert settings(first) == settings(again)
    assert not {str(t) for t in settings(first)} & {str(t) for t in settings(other)}


def test_fixed_options_are_those_of_all_trials(tune, trained, tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("dropout: 0.25\nbatch_size: 128\n")
    search = tune(config=file, batch_size=64)
    assert {run.config.dropout for run in trained} == {0.25}
    assert {run.config.batch_size for run in trained} == {64}
    assert all(set(trial) == {"learning_rate", "weight_decay"} for trial in settings(search))


def test_hyperband_gives_more_epochs_to_what_does_well(tune, trained):
    search = tune(algorithm="hyperband", trials=14, epochs=9)
    epochs = [run.config.epochs for run in trained]
    assert set(epochs) == {1, 3, 9}
    first = sorted((t for t in search.trials if t.settings["epochs"] == 1), key=lambda t: -t.score)
    promoted = {t.settings["learning_rate"] for t in search.trials if t.settings["epochs"] == 3}
    assert first[0].settings["learning_rate"] in promoted
    assert len(promoted) < len(first)


@pytest.mark.parametrize(("epochs", "trials"), [(30, 20), (80, 20), (9, 13), (5, 50)])
def test_hyperband_comes_to_the_end_of_a_bracket(tune, trained, epochs, trials):
    tune(algorithm="hyperband", trials=trials, epochs=epochs)
    given = [run.config.epochs for run in trained]
    assert max(given) == epochs
    assert given[0] < epochs


def fail_above(monkeypatch, rate: float, error: Exception) -> None:
    real = mlp.build

    def build(config, data):
        if config.learning_rate > rate:
            raise error
        return real(config, data)

    monkeypatch.setattr(mlp, "build", build)


@pytest.mark.parametrize(
    "error", [ValueError("too wide\nfor you"), MemoryError(), GateError("nan")]
)
@pytest.mark.parametrize("algorithm", ["random", "hyperband"])
def test_a_failed_trial_is_counted_and_never_the_best(tune, trained, monkeypatch, error, algorithm):
    fail_above(monkeypatch, 1e-3, error)
    search = tune(trials=8, algorithm=algorithm, seed=1)
    failed = [trial for trial in search.trials if trial.status == "failed"]
    assert 0 < len(failed) < 8
    assert all(trial.settings["learning_rate"] > 1e-3 and trial.score is None for trial in failed)
    assert search.best.settings["learning_rate"] <= 1e-3
    told = {trial.error for trial in failed}
    assert told <= {"ValueError: too wide", "MemoryError: no further message", "nan"}
    statuses = [row["status"] for row in rows_of(search.path / "trials.csv")]
    assert statuses.count("failed") == len(failed)


def test_options_out_of_range_are_a_failed_trial(tune, trained, monkeypatch, capsys):
    def search_space(hp) -> dict:
        return {"dropout": hp.Choice("dropout", [0.1, 2.0])}

    monkeypatch.setattr(mlp, "search_space", search_space)
    search = tune(trials=2)
    failed = next(trial for trial in search.trials if trial.status == "failed")
    assert failed.settings == {"dropout": 2.0}
    assert failed.error.startswith("--dropout should be less than 1")
    assert "Traceback" not in capsys.readouterr().err
    assert search.best.settings == {"dropout": 0.1}


def test_a_search_of_failures_alone_ends_early_and_says_so(tune, trained, monkeypatch, capsys):
    fail_above(monkeypatch, 0, ValueError("out of luck"))
    with pytest.raises(GateError, match=r"all 5 trials failed, the first: .* out of luck"):
        tune(trials=30)
    assert "5 trials failed in a row, the last: ValueError: out of luck" in capsys.readouterr().err


def test_data_are_opened_once_unless_a_tuned_option_concerns_them(tune, trained, monkeypatch):
    opened = []
    real = type(mlp.TASK).open

    def watch(self, source, config, strict=False):
        opened.append(getattr(config, watched, None) if watched else None)
        return real(self, source, config, strict)

    monkeypatch.setattr(type(mlp.TASK), "open", watch)
    watched = None
    tune(trials=4)
    assert len(opened) == 1
    opened.clear()
    watched = "learning_rate"
    tune(trials=4)
    assert opened[1:] == [run.config.learning_rate for run in trained[4:]]


def test_a_template_that_monitors_nothing_goes_by_a_metric_of_its_task(tmp_path, trained):
    search = maquette.tune(
        "siamese", data="digits", trials=2, out=tmp_path, epochs=1, filters=(8,), embedding_dim=4,
        classes_per_batch=4,
    )  # fmt: skip
    assert search.record.objective == "recall_at_1"
    judged = maquette.evaluate(search.path / "best", split="validation")
    assert judged["metrics"]["recall_at_1"] == search.best.score
    assert search.best.score == max(trial.score for trial in search.trials)


def test_a_template_without_any_such_value_is_refused():
    with pytest.raises(UserError, match="word2vec cannot be tuned: no value on validation data"):
        maquette.tune("word2vec")


def test_confirmation_compares_with_the_defaults_on_other_seeds(tune, trained, resume, command):
    search = tune(name="search", seed=5, confirm=3)
    rows = rows_of(search.path / "confirmation.csv")
    assert [row["seed"] for row in rows] == ["6", "6", "7", "7", "8", "8"]
    default = score_of(mlp.Config())
    by_options = {row["options"]: float(row["score"]) for row in rows}
    assert by_options == {"tuned options": search.best.score, "default options": default}
    trained.clear()
    resume(confirm=3)
    assert trained == []
    told = command("tune", "--resume", search.path, "--json")
    assert "tuned options" in json.loads(told.out)["verdict"]


def test_many_trials_tell_what_mattered(tune, trained, command):
    search = tune(trials=30, seed=1)
    shares = {row["setting"]: row["share_of_variance"] for row in search.what_mattered}
    assert next(iter(shares)) == "learning_rate"
    assert shares["learning_rate"] > 0.7
    assert sum(shares.values()) < 1.05
    assert shares["weight_decay"] < 0.1
    told = command("tune", "--resume", search.path)
    assert "What mattered\nsetting        share_of_variance  forest_r2\nlearning_rate" in told.out
    assert "what mattered: a forest predicts the score of unseen trials with R2" in told.out


def test_the_command_line_fixes_what_is_given(trained, command, tmp_path):
    told = command(
        "tune", "mlp", "--trials", 2, "--dropout", 0.4, "--epochs", 3, "--hidden-units", 8,
        "--algorithm", "zoom", "--out", tmp_path, "--name", "n",
    )  # fmt: skip
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[-1] == str(tmp_path / "mlp" / "n")
    assert lines[-2] == f"maquette train mlp --config {tmp_path / 'mlp' / 'n' / 'best.yaml'}"
    assert "2 of 2 trials finished, 0 of them failed" in lines
    assert "too few trials to tell what mattered: 2 done, 10 would do" in told.out
    assert sum(line.startswith("trial ") for line in told.err.splitlines()) == 2
    search = Search(tmp_path / "mlp" / "n")
    assert search.record.fixed == {"dropout": 0.4, "epochs": 3, "hidden_units": [8]}
    assert search.record.algorithm == "zoom"


def test_a_new_search_does_not_take_the_folder_of_another(tune, trained):
    tune(name="search")
    with pytest.raises(UserError, match="exists; choose another --name"):
        tune(name="search")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tune"], "missing TEMPLATE, as in maquette tune TEMPLATE"),
        (["tune", "mlpp"], "no template 'mlpp'; perhaps you meant 'mlp'"),
        (["tune", "mlp", "--algorithm", "zom"], "perhaps you meant 'zoom'"),
        (["tune", "mlp", "--trials", "0"], "--trials should be greater than 0; received 0"),
        (["tune", "mlp", "--trials", "many"], "--trials takes a whole number; received 'many'"),
        (["tune", "mlp", "--confirm", "1"], "--confirm"),
        (["tune", "mlp", "--max-minutes", "0"], "--max-minutes should be greater than 0"),
        (["tune", "mlp", "--dropout", "2"], "--dropout"),
        (["tune", "mlp", "--dropuot", "0.2"], "perhaps you meant '--dropout'"),
        (["tune", "mlp", "--data", "nowhere"], "nowhere"),
        (["tune", "mlp", "--algorithm", "hyperband", "--epochs", "2"], "--epochs 2 are too few"),
        (["tune", "mlp", "--algorithm", "hyperband", "--trials", "3"], "takes 16 trials or more"),
        (["tune", "--resume", "nowhere"], "nowhere is no search"),
        (["tune", "mlp", "--chief", "here"], "an address is PORT or HOST:PORT, as in 5000"),
        (["tune", "--resume"], "--resume needs a value"),
        (["tune", "--resume", "nowhere", "--seed", "1"], "unknown option --seed"),
        (
            ["tune", "mlp", "--hidden-units", "8", "--dropout", "0", "--learning-rate", "0.01",
             "--weight-decay", "0"],
            "nothing is left to tune",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_leaves_nothing(command, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    told = command(*words)
    assert (told.code, told.out) == (2, "")
    assert message in told.err
    assert len(told.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
