"""Searches whose trials are also exported and measured, and those over a few options alone."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml
from instant_training import rows_of, score_of

import maquette
from maquette.errors import GateError, UserError
from maquette.evaluation import open_run_data
from maquette.exporting import measuring, workshop
from maquette.exporting.litert import LiteRtFile
from maquette.exporting.measuring import Measured
from maquette.files import TEMPORARY
from maquette.tasks.image_classification import ImageClassification
from maquette.tasks.task import ItemScores
from maquette.templates import mlp
from maquette.tuning.cheapest import fronts
from maquette.tuning.journal import TrialRecord
from maquette.tuning.results import as_json, cost_table, summary
from maquette.tuning.search import Search


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Search:
    """A search over two widths whose trials were really trained and exported. Only to be read."""
    out = tmp_path_factory.mktemp("searches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlp, "search_space", widths)
        given = {"algorithm": "grid", "cheapest": "size", "epochs": 4, "learning_rate": 0.01}
        return maquette.tune("mlp", out=out, name="search", only=["hidden-units"], **given)


def widths(hp) -> dict:
    return {
        "hidden_units": (hp.Choice("width", [12, 96]),),
        "dropout": hp.Choice("dropout", [0.0, 0.4]),
    }


def test_a_trial_costs_what_its_export_does_and_leaves_no_file(searched, tmp_path):
    best = searched.best
    copied = shutil.copytree(searched.path / "best", tmp_path / "best")
    (row,) = maquette.export(copied, ["int8"], max_drop=1)
    assert best.cost.bytes == row["bytes"]
    assert best.cost.int8.value == pytest.approx(row["accuracy"])
    assert best.cost.keras.value == pytest.approx(best.score)
    assert best.cost.each().mean() == pytest.approx(best.cost.int8.value)
    assert best.cost.drop == pytest.approx(best.cost.keras.value - best.cost.int8.value)
    assert 0 < best.cost.latency_ms < 1000
    assert not list(searched.path.rglob("*.tflite"))
    assert len(list(searched.path.rglob("*.keras"))) == 1


def test_only_the_named_option_is_tuned(searched):
    assert sorted(trial.settings["width"] for trial in searched.trials) == [12, 96]
    assert all(set(trial.settings) == {"width"} for trial in searched.trials)
    options = yaml.safe_load(searched.best_config.read_text())
    assert options["dropout"] == mlp.Config().dropout


def test_the_files_tell_the_costs_and_the_choice(searched):
    chosen = searched.cheapest
    assert yaml.safe_load(searched.cheapest_config.read_text())["hidden_units"] == [
        chosen.trial.settings["width"]
    ]
    for row, done in zip(rows_of(searched.path / "trials.csv"), searched.trials, strict=True):
        assert int(row["int8_bytes"]) == done.cost.bytes
        low, value, high = (float(row[f"int8_accuracy{end}"]) for end in ("_low", "", "_high"))
        assert low < value < high
    assert (searched.path / "pareto.png").stat().st_size > 10_000
    assert cost_table(searched)[0]["width"] == "12"
    told = summary(searched)
    assert told[-1].endswith("cheapest.yaml")
    assert any(line.startswith("cheapest within the noise, by size: trial ") for line in told)
    data = json.loads(json.dumps(as_json(searched), allow_nan=False))
    assert data["cheapest"]["trial"] == chosen.trial.number + 1
    assert data["front"]["size"]


@pytest.fixture
def exported(monkeypatch) -> None:
    """Exports in no time: the longer the step, the larger the file; of long ones there is none."""

    def measure(run, data) -> Measured:
        rate = run.config.learning_rate
        if rate > 3e-3:
            raise GateError("classify agrees with Keras on 12.0% of the inputs")
        count = len(data.splits["validation"])
        return Measured(int(rate * 1e9), rate, np.arange(count) < count * score_of(run.config))

    monkeypatch.setattr(measuring, "measure", measure)


FEW = {"trials": 6, "seed": 1, "cheapest": "size", "only": ["learning_rate"]}


def test_a_trial_that_cannot_be_exported_has_failed_and_is_never_the_best(tune, trained, exported):
    search = tune(**FEW)
    failed = [trial for trial in search.trials if trial.status == "failed"]
    assert 0 < len(failed) < 6
    assert all(trial.settings["learning_rate"] > 3e-3 and trial.cost is None for trial in failed)
    assert "int8 file does not do: classify agrees with Keras on 12.0%" in failed[0].error
    assert search.best.settings["learning_rate"] <= 3e-3
    assert search.cheapest.trial.status == "done"
    errors = {row["trial"]: row["error"] for row in rows_of(search.path / "trials.csv")}
    assert errors[str(failed[0].number + 1)] == failed[0].error


def test_a_resumed_search_has_the_costs_of_before(tune, resume, trained, exported):
    whole = tune(name="whole", **FEW)
    trained.clear()
    trained.stop_at = 4
    before = tune(name="search", **FEW).trials
    trained.stop_at = None
    search = resume()
    assert search.trials[:3] == before
    assert [size(trial) for trial in search.trials] == [size(trial) for trial in whole.trials]
    assert search.cheapest.trial.number == whole.cheapest.trial.number


def test_what_is_lost_as_int8_is_told_and_no_failure(tune, trained, exported, monkeypatch):
    def all_right(task, run, data, split) -> ItemScores:
        return ItemScores("accuracy", np.ones(len(data.splits[split]), bool), "images")

    monkeypatch.setattr(ImageClassification, "item_scores", all_right)
    search = tune(trials=1, seed=4, cheapest="latency", only=["learning_rate"])
    lost = 100 * (1 - search.best.cost.int8.value)
    line = f"as int8 it loses {lost:.1f} points: export it with --max-drop 0.{int(lost) + 1}"
    assert line in summary(search)


class Careless(LiteRtFile):
    """A file that gives each class the probability of another, for the first of a batch."""

    share = 0.07

    def run(self, endpoint, inputs):
        (values,) = super().run(endpoint, inputs).values()
        count = int(self.share * len(values))
        return {"probabilities": np.concatenate([values[:count, ::-1], values[count:]])}


def test_the_gate_refuses_what_disagrees_and_not_what_scores_less(digits_run, monkeypatch):
    data = open_run_data(digits_run)
    monkeypatch.setattr(workshop, "LiteRtFile", Careless)
    made = measuring.measure(digits_run, data)
    kept = digits_run.template.TASK.item_scores(digits_run, data, "validation").values.mean()
    assert kept - made.scores.mean() > 0.015
    monkeypatch.setattr(Careless, "share", 0.5)
    with pytest.raises(GateError, match="classify agrees with Keras on"):
        measuring.measure(digits_run, data)
    assert not [path for path in digits_run.path.iterdir() if path.name.startswith(TEMPORARY)]


def size(trial: TrialRecord) -> int | None:
    return trial.cost and trial.cost.bytes


def test_without_scores_of_examples_the_front_is_by_the_objective(
    tune, trained, exported, monkeypatch, tmp_path
):
    monkeypatch.setattr(ImageClassification, "item_scores", lambda *_: None)
    search = tune(**FEW, name="search")
    done = [trial for trial in search.trials if trial.status == "done"]
    assert [trial.cost.worth.value for trial in done] == [trial.score for trial in done]
    assert search.cheapest is None
    assert not search.cheapest_config.exists()
    assert (search.path / "pareto.png").exists()
    assert any("unknown, since mlp scores no single examples" in line for line in summary(search))
    assert max(done, key=lambda t: t.score) == fronts(search.trials)["size"][-1]


def test_the_file_of_options_is_what_the_others_stay_at(tune, trained, tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("dropout: 0.25\nlearning_rate: 0.5\n")
    tune(config=file, only=["learning_rate"])
    assert {run.config.dropout for run in trained} == {0.25}
    assert len({run.config.learning_rate for run in trained} - {0.5}) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"only": ["learning_rat"]}, "no option 'learning_rat' to tune; there are .*learning_rate"),
        ({"only": ["patience"]}, "no option 'patience' to tune"),
        ({"only": ["dropout"], "dropout": 0.1}, "dropout is to be tuned and has a value, 0.1"),
        ({"cheapest": "weight"}, "cheapest is by size or latency; received 'weight'"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_before_anything_is_written(
    tune, tmp_path, given, message
):
    with pytest.raises(UserError, match=message):
        tune(**given)
    assert not list(tmp_path.iterdir())
