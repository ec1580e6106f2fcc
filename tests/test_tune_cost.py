"""What a search tells of its trials as int8 files: their cost, the front, and which to choose."""

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
from maquette.exporting import export as exporting
from maquette.exporting import measuring
from maquette.exporting.litert import LiteRtFile
from maquette.exporting.measuring import Measured
from maquette.files import TEMPORARY
from maquette.tasks.image_classification import ImageClassification
from maquette.tasks.task import ItemScores
from maquette.templates import mlp
from maquette.tuning.cheapest import cheapest, front, fronts
from maquette.tuning.cost import Cost, Estimate
from maquette.tuning.journal import TrialRecord
from maquette.tuning.pareto import pareto
from maquette.tuning.results import as_json, cost_table, summary
from maquette.tuning.search import Search


def trial(number: int, right: str | list[float], megabytes: float, ms: float, **given):
    """A trial by the scores of its examples; with digits, these are right (1) or wrong (0)."""
    cost = Cost(int(1e6 * megabytes), ms, "accuracy", False, Estimate(0), None, "images", right)
    scores = cost.each()
    of_file = Estimate.of(scores) if isinstance(right, str) else None
    cost = Cost(**{**cost.__dict__, "keras": Estimate.of(scores), "int8": of_file, **given})
    return TrialRecord(number, {"width": number}, "done", 0.9, 1, cost=cost)


ALL, MANY = "1" * 200, "1" * 197 + "0" * 3
HALF = "1" * 100 + "0" * 100
FAILED = TrialRecord(7, {"width": 7}, "failed", error="the int8 file does not do")
UNMEASURED = TrialRecord(8, {"width": 8}, "done", 0.99, 1)


def test_the_cheapest_is_the_smallest_or_fastest_that_is_no_worse_beyond_chance():
    trials = [trial(0, ALL, 9, 3), trial(1, MANY, 5, 8), trial(2, MANY, 7, 2), trial(3, HALF, 1, 1)]
    by_size, by_latency = cheapest(trials, "size"), cheapest(trials, "latency")
    assert (by_size.trial.number, by_size.best.number) == (1, 0)
    assert by_latency.trial.number == 2
    assert (by_size.contrast.test, by_size.contrast.n) == ("McNemar's exact test", 200)
    assert "no evidence of a difference between trial 1 and trial 2" in by_size.sentence()
    assert "int8 accuracy 100.0 % against 98.5 % of 200 validation images" in by_size.sentence()


def test_the_best_is_chosen_where_all_that_costs_less_is_worse_beyond_chance():
    choice = cheapest([trial(0, HALF, 1, 1), trial(1, ALL, 9, 9), trial(2, ALL, 9.5, 9)], "size")
    assert (choice.trial.number, choice.best.number, choice.contrast) == (1, 1, None)
    assert (
        "it is the best, and those that cost less (1) are worse beyond chance" in choice.sentence()
    )


def test_of_trials_that_cost_the_same_the_better_one_is_chosen():
    trials = [trial(0, MANY, 5, 5), trial(1, ALL, 5, 5), trial(2, ALL, 9, 5)]
    assert cheapest(trials, "size").trial.number == 1
    assert cheapest([trial(4, ALL, 5, 5), trial(5, ALL, 5, 5)], "size").trial.number == 4


def test_one_trial_is_its_own_choice():
    choice = cheapest([trial(0, HALF, 5, 5)], "latency")
    assert choice.trial.number == 0
    assert choice.sentence() == (
        "trial 1: int8 file of 5 MB, 5 ms; it is the best, and none costs less"
    )


def test_trials_that_failed_or_were_not_measured_are_never_chosen():
    assert cheapest([FAILED, UNMEASURED], "size") is None
    assert cheapest([], "size") is None
    assert cheapest([FAILED, UNMEASURED, trial(0, HALF, 5, 5)], "size").trial.number == 0
    assert fronts([FAILED, UNMEASURED]) == {"size": [], "latency": []}


def test_trials_judged_on_other_examples_are_not_taken_for_equals():
    assert cheapest([trial(0, ALL, 5, 5), trial(1, "1" * 199 + "", 1, 1)], "size").best.number == 1
    assert cheapest([trial(0, ALL, 5, 5), trial(1, "1" * 98 + "0", 1, 1)], "size").trial.number == 0


def test_scores_of_which_less_is_better_are_compared_by_their_ranks():
    rng = np.random.default_rng(0)
    nats = rng.normal(100, 5, 60)
    near, far = nats + rng.normal(0.01, 0.5, 60), nats + rng.normal(4, 0.5, 60)
    given = {"metric": "negative_elbo", "lower_is_better": True}
    trials = [
        trial(number, list(scores), megabytes, 1, **given)
        for number, (scores, megabytes) in enumerate([(nats, 9), (near, 5), (far, 1)])
    ]
    choice = cheapest(trials, "size")
    assert (choice.best.number, choice.trial.number) == (0, 1)
    assert choice.contrast.test == "Wilcoxon's signed-rank test"
    assert [t.number for t in fronts(trials)["size"]] == [2, 1, 0]


@pytest.mark.parametrize(
    ("costs", "worths", "expected"),
    [
        ([3, 1, 2], [0.9, 0.5, 0.8], [1, 2, 0]),
        ([3, 1, 2], [0.9, 0.5, 0.4], [1, 0]),
        ([1, 1, 2], [0.5, 0.6, 0.6], [1]),
        ([1, 1], [0.5, 0.5], [0, 1]),
        ([5], [0.1], [0]),
        ([], [], []),
    ],
)
def test_the_front_holds_what_no_other_point_beats(costs, worths, expected):
    assert front(costs, worths) == expected


def test_shares_have_wilson_intervals():
    share = Estimate.of(np.arange(263) < 81)  # Newcombe (1998), table I.
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)
    assert Estimate.of(np.array([1.5])) == Estimate(1.5, None, None)


def test_the_picture_shows_intervals_names_the_trials_and_marks_the_chosen_one():
    trials = [trial(0, ALL, 9, 3), trial(1, MANY, 5, 8), trial(2, HALF, 7, 9), FAILED]
    figure = pareto(trials, trials[1], "size")
    for panel, cost in zip(figure.axes, ([9, 5, 7], [3, 8, 9]), strict=True):
        assert [text.get_text() for text in panel.texts] == ["0", "1", "2"]
        points = [bars.lines[0] for bars in panel.containers]
        assert [float(point.get_xdata()[0]) for point in points] == cost
        sizes = [point.get_markersize() for point in points]
        assert sizes.index(max(sizes)) == 1
        ends = panel.containers[2].lines[2][0].get_segments()[0][:, 1]
        assert ends == pytest.approx([0.431, 0.569], abs=1e-3)
    more = [trial(number, HALF, 9, 9) for number in range(3, 12)]
    of_many = pareto([*trials[:3], *more], trials[1], "size")
    assert [text.get_text() for text in of_many.axes[0].texts] == ["0", "1"]


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
    (row,) = maquette.export(copied, ["int8"])
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
    monkeypatch.setattr(exporting, "LiteRtFile", Careless)
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
