"""Tables from the command line to a phone: train, evaluate, predict, tune, compare, export."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from contract.without_maquette import run_without_maquette

import maquette
from maquette.datasets.flats import flats
from maquette.errors import UserError
from maquette.exporting.callers.write import check_strings

TINY = {"hidden_units": (16,), "epochs": 3, "learning_rate": 1e-2, "dropout": 0.1}
TINY_BUT_DROPOUT = {name: value for name, value in TINY.items() if name != "dropout"}
WORDS = ("--hidden-units", 16, "--epochs", 3, "--learning-rate", 1e-2, "--dropout", 0.1)
ROWS = 240


def write_csv(path: Path, rows: list[dict]) -> Path:
    """Write rows with a header; what is missing is an empty field."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    """Rows of mixed columns with missing values."""
    columns = flats(ROWS)
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


@pytest.fixture(scope="module")
def table(rows, tmp_path_factory) -> Path:
    return write_csv(tmp_path_factory.mktemp("tables") / "flats.csv", rows)


@pytest.fixture(scope="module")
def numbers_run(table, tmp_path_factory) -> maquette.Run:
    """A run that predicts the rent."""
    out = tmp_path_factory.mktemp("runs")
    return maquette.train("mlp", table, target="rent", out=out, name="rent", **TINY)


@pytest.fixture(scope="module")
def classes_run(table, tmp_path_factory) -> maquette.Run:
    """A run that tells whether somebody took a flat, exported."""
    out = tmp_path_factory.mktemp("runs")
    run = maquette.train("mlp", table, target="taken", out=out, name="taken", **TINY)
    maquette.export(run, ["float32", "int8"], max_drop=0.1, caller=["python", "kotlin"])
    return run


def test_a_table_is_trained_on_from_the_command_line(command, table, tmp_path):
    outcome = command(
        "train", "mlp", "--data", table, "--target", "rent", "--out", tmp_path, *WORDS
    )
    assert outcome.code == 0, outcome.err
    assert f"target rent: {ROWS} different numbers, so regression" in outcome.err
    for told in ("number columns (3): size, rooms, built", "date columns (1): advertised"):
        assert told in outcome.err
    assert "r2" in outcome.out
    run = maquette.Run(outcome.out.splitlines()[-1])
    assert run.record["task"] == "table_regression"
    assert run.record["data"]["description"]["columns"]["description"] == "text"
    report = (run.path / "report.html").read_text()
    assert "What the columns are worth" in report
    for figure in ("predicted_and_true", "residuals", "columns"):
        assert (run.path / "figures" / f"{figure}.png").exists()


def test_the_record_of_a_run_repeats_it(classes_run, tmp_path):
    again = maquette.train("mlp", config=classes_run.path / "config.yaml", out=tmp_path)
    assert again.record["state_sha256"] == classes_run.record["state_sha256"]


def test_the_most_telling_column_is_worth_most(numbers_run):
    worth = numbers_run.metrics["test"]["tables"]["What the columns are worth"]
    assert worth[0]["column"] == "size"
    assert {row["column"] for row in worth} == {c.name for c in numbers_run.description.columns}


def test_a_run_is_resumed_by_the_task_it_was_begun_for(numbers_run):
    assert maquette.Run(numbers_run.path).task.name == "table_regression"
    record = yaml.safe_load((numbers_run.path / "config.yaml").read_text())
    assert record["data"]["source"].endswith("flats.csv?target=rent")


def test_rows_of_a_csv_are_predicted(command, numbers_run, classes_run, table, rows):
    outcome = command("predict", numbers_run.path, table, "--json")
    predicted = json.loads(outcome.out)
    assert len(predicted) == ROWS
    assert predicted[0]["file"] == f"{table}:2"
    errors = np.array([row["rent"] for row in predicted]) - [row["rent"] for row in rows]
    assert np.std(errors) < np.std([row["rent"] for row in rows])
    told = maquette.predict(classes_run, [table])
    assert {row["class"] for row in told} <= {"yes", "no"}


def test_rows_of_json_lines_are_predicted_like_those_of_a_csv(classes_run, table, rows, tmp_path):
    lines = tmp_path / "new.jsonl"
    lines.write_text("\n".join(map(json.dumps, rows)))
    first, second = (maquette.predict(classes_run, [file]) for file in (table, lines))
    assert [row["probability"] for row in first] == [row["probability"] for row in second]


def test_what_was_never_seen_or_is_missing_is_predicted_too(numbers_run, rows, tmp_path):
    strange = dict.fromkeys(rows[0], "") | {"district": "Atlantis", "size": "huge", "built": 1e30}
    (told,) = maquette.predict(numbers_run, [write_csv(tmp_path / "new.csv", [strange])])
    assert np.isfinite(told["rent"])


def test_a_table_that_lacks_a_column_is_refused(numbers_run, rows, tmp_path):
    other = [{("sise" if name == "size" else name): v for name, v in row.items()} for row in rows]
    path = write_csv(tmp_path / "new.csv", other)
    with pytest.raises(UserError, match=r"lacks the column 'size' .*; perhaps you meant 'sise'"):
        maquette.predict(numbers_run, [path])
    with pytest.raises(UserError, match="is no table; rows to predict from are in"):
        maquette.predict(numbers_run, ["photo.jpg"])


def test_a_few_rows_of_other_data_are_judged_as_the_run_sees_them(numbers_run, rows, tmp_path):
    # Alone, so few whole numbers would be classes.
    few = [{**row, "rent": round(row["rent"], -3)} for row in rows[:8]]
    judged = maquette.evaluate(numbers_run, write_csv(tmp_path / "other.csv", few))
    assert judged["split"] == "test"
    assert {"r2", "mae", "rmse"} <= judged["metrics"].keys()


def test_a_class_that_the_run_does_not_know_is_named(classes_run, rows, tmp_path):
    other = [{**row, "taken": "perhaps"} for row in rows]
    with pytest.raises(UserError, match="has the class 'perhaps', which the run does not know"):
        maquette.evaluate(classes_run, write_csv(tmp_path / "other.csv", other))


def test_exported_files_take_raw_columns_where_maquette_cannot_be_imported(
    classes_run, rows, tmp_path
):
    model = tmp_path / "phone.py"
    model.write_text(
        "import json, sys\n"
        "import numpy as np\n"
        "from ai_edge_litert.interpreter import Interpreter\n"
        "row = json.loads(sys.argv[2])\n"
        "classify = Interpreter(sys.argv[1]).get_signature_runner('classify')\n"
        "number = lambda value: np.array([[np.nan if value is None else value]], np.float32)\n"
        "text = lambda value: np.array([[value or '']], object)\n"
        "answer = classify(\n"
        "    size=number(row['size']), rooms=number(row['rooms']), built=number(row['built']),\n"
        "    rent=number(row['rent']), balcony=number(row['balcony']),\n"
        "    district=text(row['district']), heating=text(row['heating']),\n"
        "    advertised=np.array([[row['advertised']]], np.int32),\n"
        "    description=np.array([row['description']], np.int32),\n"
        ")\n"
        "print(json.dumps(answer['probabilities'][0].tolist()))\n"
    )
    spec = classes_run.description
    row = {**rows[5], "district": "Atlantis", "rooms": None}
    balcony = {"yes": 1.0, "no": 0.0}.get(row["balcony"])
    codes = {c.name: c.codes([row[c.name]], spec.vocabulary)[0] for c in spec.columns}
    raw = row | {"balcony": balcony, "advertised": int(codes["advertised"][0])}
    raw["description"] = codes["description"].tolist()
    for name, tolerance in (("float32", 1e-5), ("int8", 0.1)):
        file = classes_run.path / "export" / f"model_{name}.tflite"
        done = run_without_maquette(model, file, json.dumps(raw))
        assert done.returncode == 0, done.stderr
        probabilities = json.loads(done.stdout)
        logits = classes_run.model.predict_on_batch(spec.encode([row]))[0]
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(probabilities, expected, atol=tolerance)


def test_callers_take_strings_where_the_runtime_does(classes_run):
    export = classes_run.path / "export"
    code = (export / "caller" / "python" / "mlp_model.py").read_text()
    assert "district: str" in code
    assert "size: float" in code
    tensors = classes_run.task.tensors(classes_run.description)
    check_strings(["python", "kotlin"], tensors)
    with pytest.raises(UserError, match=r"takes strings \(district\).* swift has no tensors"):
        check_strings(["swift"], tensors)


def test_export_tells_what_goes_in(classes_run):
    told = json.loads((classes_run.path / "export" / "export.json").read_text())
    inputs = {t["name"]: t["type"] for t in told["files"][0]["endpoints"]["classify"]["inputs"]}
    assert inputs["size"] == "float32"
    assert inputs["district"] == "string"
    columns = json.loads((classes_run.path / "export" / "columns.json").read_text())
    assert columns["target"]["classes"] == ["no", "yes"] == told["labels"]


def test_options_of_a_table_are_tuned_on_its_own_score(table, tmp_path, capsys):
    search = maquette.tune(
        "mlp", table, target="rent", trials=2, out=tmp_path, only=["dropout"], **TINY_BUT_DROPOUT
    )
    assert (search.record.task, search.record.objective) == ("table_regression", "val_loss")
    assert search.best.score == min(trial.score for trial in search.trials)


def test_runs_on_a_table_are_compared_by_their_squared_errors(numbers_run, table, tmp_path):
    other = maquette.train("mlp", table, target="rent", out=tmp_path, **{**TINY, "epochs": 1})
    result = maquette.compare([numbers_run, other])
    assert "mse" in result["verdicts"][0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"target": "rents"}, "has no column 'rents' .*perhaps you meant 'rent'"),
        ({}, "which column of .*flats.csv is to be predicted"),
        ({"target": "rent", "image_size": 16}, "--image-size means nothing for table regression"),
        ({"target": "rent", "class_weights": True}, "--class-weights means nothing for table reg"),
        (
            {"target": "district", "task": "regression"},
            r"target 'district' of \S*/flats.csv:2 is '",
        ),
        ({"target": "rent", "columns": ("roms=number",)}, "perhaps you meant 'rooms'"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(table, tmp_path, options, told):
    with pytest.raises(UserError, match=told):
        maquette.train("mlp", table, out=tmp_path, **{**TINY, **options})
    assert not any(tmp_path.rglob("*"))


def test_options_of_tables_mean_nothing_for_images(tmp_path):
    with pytest.raises(UserError, match="--columns means nothing for image classification"):
        maquette.train("mlp", "digits", out=tmp_path, columns=("x=number",))


def test_a_column_given_twice_is_refused(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("x,y,x\n1,a,2\n2,b,3\n")
    with pytest.raises(UserError, match="has the column 'x' twice; rename one"):
        maquette.train("mlp", path, target="y", out=tmp_path / "runs")


def test_a_number_that_is_none_is_named_with_its_line(rows, tmp_path):
    wrong = [dict(row) for row in rows]
    wrong[10]["rent"] = "ask us"
    path = write_csv(tmp_path / "wrong.csv", wrong)
    with pytest.raises(UserError, match=r"rent' of \S*wrong.csv:12 is 'ask us'"):
        maquette.train("mlp", path, target="rent", out=tmp_path / "runs")
