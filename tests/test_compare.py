"""Comparing runs: what is told apart, on the same examples and over several seeds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from scipy import stats

import maquette
from maquette.comparing.compare import distinct_runs
from maquette.comparing.contrast import Contrast
from maquette.comparing.significance import mcnemar, paired_scores
from maquette.errors import UserError
from maquette.gallery import load_template
from maquette.reporting import comparison_plots
from maquette.run import Run
from maquette.tasks.classification import Classification
from maquette.tasks.task import ItemScores


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory) -> Run:
    """The training of `digits_run` with another seed."""
    out = tmp_path_factory.mktemp("seeds")
    options = {"epochs": 5, "hidden_units": (16,), "out": out, "name": "seed_1"}
    return maquette.train("mlp", data="digits", seed=1, **options)


@pytest.fixture(scope="module")
def crippled(tmp_path_factory) -> Run:
    """A network that has hardly learned."""
    out = tmp_path_factory.mktemp("crippled")
    options = {"epochs": 1, "hidden_units": (16,), "learning_rate": 1e-4, "out": out}
    return maquette.train("mlp", data="digits", name="crippled", **options)


def record(folder: Path, name: str, seed: int, metrics: dict, **changes) -> Path:
    """Write what a comparison of groups reads of a run."""
    path = folder / name
    path.mkdir(parents=True)
    data = {"source": "digits", "fingerprint": "f" * 64, "sizes": {"test": 269}, "description": {}}
    content = {"maquette": maquette.__version__, "template": "mlp", "seed": seed, "data": data}
    content |= {"config": {"epochs": 5}, "versions": {}} | changes
    (path / "config.yaml").write_text(yaml.safe_dump(content))
    (path / "metrics.json").write_text(json.dumps({"test": {"metrics": metrics, "tables": {}}}))
    (path / "history.csv").write_text("stage,epoch,seconds,val_loss\ntrain,1,2.5,0.5\n")
    return path


def group(folder: Path, name: str, accuracies: list[float], first_seed: int = 0, **changes):
    """Write a run of each accuracy, with one seed after the other."""
    return [
        record(folder, f"{name}{i}", first_seed + i, {"accuracy": value}, **changes)
        for i, value in enumerate(accuracies)
    ]


LONG, SHORT = {"config": {"epochs": 9}}, {"config": {"epochs": 1}}


@pytest.fixture(scope="module")
def compared(digits_run, other_seed, crippled) -> dict:
    return maquette.compare([digits_run.path, other_seed, crippled])


def test_runs_that_differ_only_in_seed_show_no_evidence_of_a_difference(compared):
    first = compared["verdicts"][0]
    assert first.startswith("no evidence of a difference between mlp/")
    assert "% of 269 test images" in first


def test_a_crippled_run_is_found_worse(compared):
    for verdict, name in zip(compared["verdicts"][1:], ("digits", "seed_1"), strict=True):
        assert verdict.startswith(f"mlp/{name} is better than mlp/crippled: accuracy ")
        assert verdict.endswith("p < 0.0001")


def test_the_test_is_mcnemars_on_the_examples_of_the_split(compared, digits_run, crippled):
    right = []
    for run in (digits_run, crippled):
        data = run.template.TASK.open("digits", run.config).splits["test"]
        right.append(run.model.predict(data.images, verbose=0).argmax(-1) == data.labels)
    row = compared["tests"][1]
    expected = mcnemar(*right)
    assert (row["first"], row["second"]) == ("mlp/digits", "mlp/crippled")
    assert (row["p"], row["low"], row["high"]) == (expected.p, expected.low, expected.high)
    assert row["mean_of_first"] == pytest.approx(
        digits_run.metrics["test"]["metrics"]["accuracy"], abs=1e-6
    )


def test_p_values_of_several_runs_are_corrected_by_holm(compared):
    raw = [row["p"] for row in compared["tests"]]
    corrected = [row["p_corrected"] for row in compared["tests"]]
    assert corrected[0] == raw[0] == max(raw)
    assert sorted(corrected[1:]) == pytest.approx([3 * min(raw[1:]), 2 * max(raw[1:])], rel=0.5)
    assert min(corrected) == 3 * min(raw)


def test_only_options_that_differ_are_listed_unless_all_are_asked_for(
    digits_run, crippled, compared
):
    rows = {row["option"]: row for row in compared["tables"]["Options"]}
    assert rows.keys() == {"seed", "epochs", "learning_rate"}
    assert [rows["epochs"][f"mlp/{name}"] for name in ("digits", "crippled")] == [5, 1]
    every = maquette.compare([digits_run, crippled], every=True)["tables"]["Options"]
    options = {row["option"] for row in every}
    assert options >= {"template", "maquette", "data", "fingerprint", *digits_run.record["config"]}


def test_callbacks_that_only_one_was_trained_with_are_listed(tmp_path):
    fitting = {"callbacks": ["weight_averaging"], "deterministic": False}
    runs = [
        record(tmp_path, "without", 0, {"accuracy": 0.5}),
        record(tmp_path, "with", 0, {"accuracy": 0.5}, fitting=fitting),
    ]
    rows = maquette.compare(runs, by_seed=True)["tables"]["Options"]
    assert rows == [{"option": "callbacks", "mlp/without": [], "mlp/with": ["weight_averaging"]}]


def test_results_stand_side_by_side_with_time_and_epochs(compared, digits_run):
    rows = {row["result"]: row["mlp/digits"] for row in compared["tables"]["Results"]}
    assert rows["epochs"] == len(digits_run.history)
    assert rows["training seconds"] == round(sum(r["seconds"] for r in digits_run.history))
    metrics = digits_run.metrics["test"]["metrics"]
    assert {name: rows[name] for name in metrics} == metrics


def test_command_prints_tables_and_verdict_and_writes_the_picture(
    command, digits_run, crippled, tmp_path
):
    done = command("compare", digits_run.path, crippled.path, "--figures", tmp_path / "new")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "Options"
    assert ["epochs", "5", "1"] in [line.split() for line in lines]
    assert lines[-1].startswith("mlp/digits is better than mlp/crippled: accuracy ")
    assert (tmp_path / "new" / "compare.png").read_bytes().startswith(b"\x89PNG")


def test_json_is_what_the_function_returns(command, digits_run, crippled):
    done = command("compare", digits_run.path, crippled.path, "--json")
    assert json.loads(done.out) == maquette.compare([digits_run, crippled])


def test_a_metric_that_is_no_mean_over_examples_is_shown_without_a_test(digits_run, crippled):
    result = maquette.compare([digits_run, crippled], metric="macro_f1")
    assert result["verdicts"] == []
    assert "macro_f1 has no score for each example" in result["without_test"]


def test_validation_can_be_compared_instead(digits_run, crippled):
    result = maquette.compare([digits_run, crippled], split="validation")
    assert "% of 270 validation images" in result["verdicts"][0]


def test_other_data_is_shown_without_a_test(copied_run, digits_run):
    content = yaml.safe_load((copied_run.path / "config.yaml").read_text())
    content["data"]["fingerprint"] = "0" * 64
    (copied_run.path / "config.yaml").write_text(yaml.safe_dump(content))
    result = maquette.compare([copied_run.path, digits_run])
    assert result["tests"] == []
    assert "judged on different data" in result["without_test"]


def test_data_that_has_changed_since_is_shown_without_a_test(tmp_path, digits_run):
    runs = []
    for name in ("a", "b"):
        run = Path(shutil.copytree(digits_run.path, tmp_path / "mlp" / name))
        content = yaml.safe_load((run / "config.yaml").read_text())
        content["data"]["fingerprint"] = "0" * 64
        (run / "config.yaml").write_text(yaml.safe_dump(content))
        runs.append(run)
    assert "digits has changed since mlp/a was trained" in maquette.compare(runs)["without_test"]


def test_bounds_in_other_units_are_not_compared():
    task = load_template("vae").TASK
    shape, bernoulli = (None, 8, 8, 1), type("BernoulliPixels", (), {})()
    run = SimpleNamespace(model=SimpleNamespace(input_shape=shape, likelihood=bernoulli))
    assert task.unit(run, "negative_elbo") == "nats of 8x8x1 BernoulliPixels"
    assert task.unit(run, "active_latents") == ""


def test_runs_in_other_units_are_shown_without_a_test(digits_run, crippled, monkeypatch):
    monkeypatch.setattr(
        Classification,
        "unit",
        lambda self, run, metric: f"{metric} {run.record['config']['epochs']}",
    )
    result = maquette.compare([digits_run, crippled])
    assert result["tests"] == []
    assert "not the same in mlp/digits (accuracy 5) and in mlp/crippled" in result["without_test"]


def test_groups_in_other_units_are_shown_without_a_test(tmp_path, monkeypatch):
    monkeypatch.setattr(
        Classification, "unit", lambda self, run, metric: f"{run.record['config']['epochs']} nats"
    )
    runs = group(tmp_path, "a", [0.9, 0.8], **LONG) + group(tmp_path, "b", [0.7, 0.6], **SHORT)
    result = maquette.compare(runs)
    assert result["tests"] == []
    assert "not the same in epochs 9 (9 nats) and in epochs 1 (1 nats)" in result["without_test"]


def test_other_scores_than_right_and_wrong_are_compared_by_their_ranks(
    digits_run, other_seed, monkeypatch
):
    random = np.random.default_rng(0)
    scores = {0: random.normal(5, 1, 80), 1: random.normal(4, 1, 80)}
    monkeypatch.setattr(
        Classification,
        "item_scores",
        lambda self, run, data, split: ItemScores(
            "cross_entropy", scores[run.record["seed"]], "images"
        ),
    )
    result = maquette.compare([digits_run, other_seed])
    assert result["tests"][0]["p"] == paired_scores(scores[0], scores[1]).p
    assert result["verdicts"][0].startswith("mlp/seed_1 is better than mlp/digits: cross_entropy 3")


def test_groups_with_the_same_seeds_are_compared_by_a_paired_t_test(tmp_path):
    first, second = [0.95, 0.96, 0.94], [0.91, 0.915, 0.905]
    runs = group(tmp_path, "a", first, **LONG) + group(tmp_path, "b", second, **SHORT)
    result = maquette.compare(runs[::-1])
    row = result["tests"][0]
    assert row["test"] == "paired t-test"
    assert row["p"] == pytest.approx(stats.ttest_rel(first, second).pvalue)
    verdict = result["verdicts"][0]
    assert verdict.startswith(
        "epochs 9 is better than epochs 1: accuracy 0.950 against 0.910 of 3 "
    )
    rows = {row["group"]: row for row in result["tables"]["Groups"]}
    assert rows["epochs 9"]["n"] == 3
    assert rows["epochs 9"]["sd"] == pytest.approx(0.01)
    assert rows["epochs 9"]["seeds"] == "0 1 2"


def test_groups_with_other_seeds_are_compared_by_welchs_test(tmp_path):
    first, second = [0.95, 0.96, 0.94], [0.91, 0.90]
    runs = group(tmp_path, "a", first, **LONG) + group(tmp_path, "b", second, 7, **SHORT)
    result = maquette.compare(runs)
    assert result["tests"][0]["test"] == "Welch's t-test"
    expected = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert result["tests"][0]["p"] == pytest.approx(expected)
    assert "of 3 and 2 runs" in result["verdicts"][0]


def test_of_many_groups_only_pairs_with_the_best_are_told_but_all_are_corrected_for(tmp_path):
    runs = []
    for epochs, best in ((1, 0.80), (2, 0.97), (3, 0.90), (4, 0.85)):
        values = [best, best - 0.001 * epochs, best + 0.002 * epochs]
        runs += group(tmp_path, f"e{epochs}", values, config={"epochs": epochs})
    tests = maquette.compare(runs)["tests"]
    assert [{row["first"], row["second"]} - {"epochs 2"} for row in tests] == [
        {"epochs 1"}, {"epochs 3"}, {"epochs 4"},
    ]  # fmt: skip
    smallest = min(tests, key=lambda row: row["p"])
    assert smallest["p_corrected"] == pytest.approx(6 * smallest["p"])


def test_a_group_of_one_run_is_listed_but_not_tested(tmp_path):
    runs = group(tmp_path, "a", [0.95, 0.96, 0.94], **LONG)
    runs += group(tmp_path, "b", [0.91, 0.90], **SHORT) + group(tmp_path, "c", [0.5])
    result = maquette.compare(runs)
    assert len(result["tests"]) == 1
    assert result["without_test"] == "not tested, as it is one run alone: epochs 5"
    assert len(result["tables"]["Groups"]) == 3


def test_one_group_of_seeds_has_its_mean_but_no_test(tmp_path, command):
    runs = group(tmp_path, "a", [0.95, 0.96, 0.94])
    done = command("compare", *runs, "--by-seed")
    assert done.code == 0
    assert "no test was made: it takes two groups of two or more runs" in done.out
    assert "0.9500" in done.out


def test_a_repeated_training_would_count_twice(tmp_path):
    runs = group(tmp_path, "a", [0.95, 0.95, 0.94], **LONG) + group(tmp_path, "b", [0.9, 0.8])
    runs.append(record(tmp_path, "again", 0, {"accuracy": 0.95}, **LONG))
    with pytest.raises(UserError, match="mlp/again repeats another run: same options, same seed 0"):
        maquette.compare(runs)


def test_curves_are_smoothed_with_the_values_thin_behind():
    noisy = [{"stage": "train", "epoch": e, "seconds": 1, "val_loss": v, "loss": 1}
             for e, v in enumerate([1.0, 3.0, 1.0, 3.0])]  # fmt: skip
    figure = comparison_plots.learning_curves({"a": noisy, "b": noisy[:1]})
    (axes,) = figure.axes
    assert axes.get_title() == "validation loss"
    thin, smooth = axes.lines[:2]
    assert list(thin.get_ydata()) == [1, 3, 1, 3]
    assert thin.get_linewidth() < smooth.get_linewidth()
    assert np.ptp(smooth.get_ydata()[1:]) < 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_runs_of_the_same_name_are_told_apart_by_their_folders(tmp_path):
    runs = [record(tmp_path / name, "same", 0, {"accuracy": 0.5}) for name in ("a", "b")]
    names = [*distinct_runs(runs)]
    assert names == [str(run.resolve()) for run in runs]
    assert [*distinct_runs([runs[0], record(tmp_path, "c", 0, {})])] == ["mlp/same", "mlp/c"]


def mistakes(folder: Path, digits: Path) -> dict[str, tuple[list, str]]:
    """Return wrong requests with what is said of each."""
    word = record(folder, "word", 0, {"spearman": 0.5})
    train = record(folder, "train", 0, {"accuracy": 0.5})
    (train / "metrics.json").write_text('{"train": {"metrics": {"accuracy": 1}, "tables": {}}}')
    unjudged, unfinished = (
        record(folder, name, 0, {"accuracy": 0.5}) for name in ("unjudged", "unfinished")
    )
    (unjudged / "metrics.json").unlink()
    (unfinished / "history.csv").unlink()
    return {
        "none": ([], "two or more runs to compare; received 0"),
        "one": ([digits], "two or more runs to compare; received 1"),
        "twice": ([digits, digits / ".." / digits.name], "is there twice; give each run once"),
        "no run": ([digits, folder], "is not a run: it has no config.yaml"),
        "no metric in common": ([digits, word], "these runs have no metric in common: mlp/digits"),
        "no metrics": (
            [digits, unjudged],
            "unjudged did not finish; go on with: maquette train --resume",
        ),
        "no history": ([digits, unfinished], "unfinished has no history.csv"),
        "no split in common": ([digits, train], "no split judges all runs: mlp/digits on valid"),
        "split": ([digits, train, "--split", "test"], "not all runs were judged on test"),
        "metric": (
            [digits, record(folder, "fine", 0, {"accuracy": 0.5}), "--metric", "acuracy"],
            "--metric must be one of accuracy; received 'acuracy'",
        ),
        "folder": (
            [
                digits,
                record(folder, "well", 0, {"accuracy": 0.5}),
                "--figures",
                word / "config.yaml",
            ],
            "is a file; choose another --figures",
        ),
    }


def test_mistakes_are_one_line_and_exit_2(command, tmp_path, digits_run):
    for name, (words, message) in mistakes(tmp_path, digits_run.path).items():
        done = command("compare", *words)
        assert (done.code, done.out) == (2, ""), name
        assert message in done.err, name
        assert done.err.count("\n") == 1, name


def test_a_run_without_its_model_is_one_line_and_exit_2(command, copied_run, digits_run):
    (copied_run.path / "model.keras").unlink()
    done = command("compare", digits_run.path, copied_run.path)
    assert done.code == 2
    assert "has no model.keras: its training did not finish" in done.err


def test_data_that_is_gone_is_one_line_and_exit_2(command, tmp_path, digits_run):
    runs = []
    for name in ("a", "b"):
        run = Path(shutil.copytree(digits_run.path, tmp_path / "mlp" / name))
        content = yaml.safe_load((run / "config.yaml").read_text())
        content["data"]["source"] = str(tmp_path / "gone")
        (run / "config.yaml").write_text(yaml.safe_dump(content))
        runs.append(run)
    done = command("compare", *runs)
    assert done.code == 2
    assert f"the data of {runs[0]} cannot be read: no folder" in done.err


def test_every_figure_of_a_test_is_in_the_json(compared):
    names = set(Contrast.__dataclass_fields__) - {"first", "second", "shares"}
    assert names | {"first", "second", "mean_of_first", "mean_of_second", "p_corrected"} == set(
        compared["tests"][0]
    )
