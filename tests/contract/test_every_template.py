"""The contract, checked on every template; a new one is tested as it is: `-k NAME`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
import yaml
from pydantic import ValidationError

import maquette
from maquette.contract import Template, TemplateConfig
from maquette.errors import UserError
from maquette.exporting import metadata
from maquette.exporting.callers.write import LANGUAGES, write_callers
from maquette.exporting.formats import FORMATS, VARIANTS
from maquette.exporting.graphs import GRAPHS, missing_packages
from maquette.exporting.litert import custom_operators
from maquette.exporting.metadata import Metadata
from maquette.gallery import load_template, template_names, template_path
from maquette.pipeline import Examples
from maquette.run import Run
from maquette.tasks.task import Probe, Task

# Their package has one name in a checkout and another where maquette is installed.
from .foreign_code import mistakes
from .without_maquette import predict_without_maquette, run_without_maquette

SEED = 7
DRAWS = 40
# A tiny model is unsure of many examples, so that rounding tips more of them than usual.
MAX_DROP = 0.03
# A package of templates may be tested without the extras.
EXPORTED = (*FORMATS, *(name for name in GRAPHS if not missing_packages(name)))
OVERFIT_EXAMPLES, OVERFIT_EPOCHS = 12, 120


@dataclass(frozen=True)
class Case:
    """A template with a tiny model for one of its tasks, trained twice and exported once."""

    template: Template
    task: Task
    data: Any
    run: Run
    twin: Run
    rows: list[dict]

    @property
    def model(self) -> keras.Model:
        return self.run.model

    def fresh_model(self) -> keras.Model:
        keras.utils.set_random_seed(SEED)
        return self.template.build(self.template.TINY, self.data)

    def examples(self, count: int) -> Examples:
        return self.task.examples(self.model, self.data, "train").sample(count)

    @cached_property
    def endpoints(self) -> dict[str, keras.Model]:
        return self.template.endpoints(self.model)

    @cached_property
    def server_endpoints(self) -> dict[str, keras.Model]:
        return self.task.server_endpoints(self.run)

    @property
    def callable_endpoints(self) -> list[str]:
        """All endpoints, but for those that are made of TensorFlow's own operators elsewhere."""
        served = self.server_endpoints if keras.backend.backend() == "tensorflow" else {}
        return [*self.endpoints, *served]

    @cached_property
    def probes(self) -> dict[str, Probe]:
        return self.task.probes(self.run, self.data, "train", 16)

    def answers(self, endpoint: str) -> dict[str, np.ndarray]:
        every = {**self.endpoints, **self.server_endpoints}
        tensors = {
            k: keras.ops.convert_to_tensor(v) for k, v in self.probes[endpoint].inputs.items()
        }
        return {k: np.asarray(v) for k, v in every[endpoint](tensors).items()}


def templates_and_tasks() -> list[str]:
    """Return the name of each template, with that of each of its tasks where it has several."""
    return [
        f"{template.name}-{task.name}" if len(template.TASKS) > 1 else template.name
        for template in map(load_template, template_names())
        for task in template.TASKS
    ]


@pytest.fixture(scope="module", params=templates_and_tasks())
def case(request, tmp_path_factory) -> Case:
    name, _, task_name = request.param.partition("-")
    template = load_template(name)
    task = template.task_named(task_name or None)
    out = tmp_path_factory.mktemp(name)
    options = template.TINY.model_dump()
    runs = [
        maquette.train(template.name, task.sample, out=out, name=name, seed=SEED, **options)
        for name in ("first", "twin")
    ]
    data = task.open(task.sample, template.TINY)
    return Case(template, task, data, *runs, rows=exported(runs[0]))


def exported(run: Run) -> list[dict]:
    """Export a run with TensorFlow, whatever backend it was trained on."""
    if keras.backend.backend() == "tensorflow":
        return maquette.export(run, formats_of(run.task), max_drop=MAX_DROP)
    words = [sys.executable, "-m", "maquette", "export", run.path, "--formats"]
    words += formats_of(run.task)
    words += ["--max-drop", str(MAX_DROP)]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([*words, "--json"], env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


def formats_of(task: Task) -> list[str]:
    """Return what runs of a task are exported to."""
    return [name for name in EXPORTED if name not in task.not_in]


def test_card_tells_paper_data_expected_score_and_command(case):
    lines = case.template.card.splitlines()
    assert 20 < len(lines[0]) <= 100
    assert lines[0].endswith(".")
    for heading in ("Paper:", "Data:", "Expect:"):
        assert any(line.startswith(heading) for line in lines), f"no line begins with {heading}"
    assert any(line.strip().startswith(f"maquette train {case.template.name}") for line in lines)


def test_file_can_be_read_in_one_sitting(case):
    assert len(template_path(case.template.name).read_text().splitlines()) <= 250


def test_config_survives_a_yaml_round_trip(case):
    for config in (case.template.Config(), case.template.TINY):
        text = yaml.safe_dump(config.model_dump(mode="json"))
        assert case.template.Config(**yaml.safe_load(text)) == config


def test_config_refuses_unknown_keys_and_suggests_the_nearest(case):
    with pytest.raises(UserError, match=r"unknown option --epoch; perhaps you meant 'epochs'"):
        case.template.Config(epoch=3)


def test_every_numeric_option_refuses_a_value_out_of_range(case):
    fields = case.template.Config.model_fields
    numeric = [n for n, f in fields.items() if re.search(r"\b(int|float)\b", str(f.annotation))]
    assert numeric
    for name in numeric:
        value = (-1,) if "tuple" in str(fields[name].annotation) else -1
        with pytest.raises(UserError, match=f"--{name.replace('_', '-')} .*received"):
            case.template.Config(**{name: value})


def test_config_is_frozen_and_every_option_says_what_it_means(case):
    with pytest.raises(ValidationError, match="frozen"):
        case.template.TINY.epochs = 3
    for name, field in case.template.Config.model_fields.items():
        assert field.description, f"{name} lacks the line below it that says what it means"
    assert isinstance(case.template.TINY, TemplateConfig)


def test_build_returns_a_compiled_keras_model(case):
    model = case.fresh_model()
    assert isinstance(model, keras.Model)
    assert model.compiled
    assert model.count_params() > 0


def test_training_does_not_override_the_train_step(case):
    assert type(case.model).train_step is keras.Model.train_step


def test_model_overfits_one_batch(case):
    share = case.task.memorised
    if share is None:
        pytest.skip("the task declares that its loss does not fall")
    model, batch = case.fresh_model(), case.examples(OVERFIT_EXAMPLES)
    losses = model.fit(
        batch.x, batch.y, batch_size=OVERFIT_EXAMPLES, epochs=OVERFIT_EPOCHS, verbose=0,
        shuffle=False,
    ).history["loss"]  # fmt: skip
    assert min(losses) < share * losses[0]


def test_mixed_precision_trains_weights_of_32_bits(case):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, batch = case.fresh_model(), case.examples(OVERFIT_EXAMPLES)
    finally:
        keras.config.set_dtype_policy("float32")
    fit = {"batch_size": OVERFIT_EXAMPLES, "epochs": 2, "verbose": 0, "shuffle": False}
    assert np.isfinite(model.fit(batch.x, batch.y, **fit).history["loss"]).all()
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.compute_dtype == "bfloat16"


def test_one_seed_gives_the_same_weights_twice(case):
    weights = [Run(run.path).model.weights for run in (case.run, case.twin)]
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second), first.path)
    assert [_without_time(row) for row in case.run.history] == [
        _without_time(row) for row in case.twin.history
    ]
    assert case.run.record["state_sha256"] == case.twin.record["state_sha256"]


def test_another_seed_gives_other_weights(case):
    keras.utils.set_random_seed(SEED + 1)
    other = case.template.build(case.template.TINY, case.data)
    same = [
        np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(case.fresh_model().trainable_weights, other.trainable_weights, strict=True)
    ]
    assert not all(same)


def test_saved_model_file_predicts_the_same_when_loaded(case):
    x = case.examples(16).x
    expected = np.asarray(case.model(x, training=False))
    loaded = keras.models.load_model(case.run.path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(x, training=False)), expected)
    reopened = Run(case.run.path).model
    np.testing.assert_array_equal(np.asarray(reopened(x, training=False)), expected)


def test_endpoints_are_functional_models_with_named_inputs_and_outputs(case):
    endpoints = case.template.endpoints(case.model)
    assert endpoints
    for name, endpoint in endpoints.items():
        assert name.isidentifier()
        assert isinstance(endpoint, keras.Model)
        assert type(endpoint).__name__ == "Functional"
        assert isinstance(endpoint.output, dict)
        names = [tensor.name for tensor in endpoint.inputs] + list(endpoint.output)
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", n) for n in names), names
        assert not any(n.startswith("keras_tensor") for n in names), names


def test_every_endpoint_has_real_inputs(case):
    assert case.probes.keys() == {*case.endpoints, *case.server_endpoints}
    for name, probe in case.probes.items():
        endpoint = {**case.endpoints, **case.server_endpoints}[name]
        assert probe.inputs.keys() == {tensor.name for tensor in endpoint.inputs}, name
        assert {len(array) for array in probe.inputs.values()} == {16}, name


def test_endpoints_answer_the_same_twice_and_hold_no_augmentation(case):
    for name in case.callable_endpoints:
        # Without `training=False`, Keras' augmentation layers are active, and put all layers after
        # them into training mode.
        first, second = case.answers(name), case.answers(name)
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])


def test_every_format_passes_the_export_gate(case):
    assert [row["format"] for row in case.rows] == formats_of(case.task)
    assert [row["failures"] for row in case.rows] == [[]] * len(case.rows)
    directly = ("as it is", "some operators in float")
    assert all(row["rung"].startswith(directly) for row in case.rows)
    for row in case.rows:
        assert (case.run.path / "export" / row["file"]).exists()


def test_onnx_and_openvino_take_and_give_what_tflite_does(case):
    rows = {row["format"]: row for row in case.rows}
    for name in set(GRAPHS) & rows.keys():
        for endpoint, float32 in rows["float32"]["endpoints"].items():
            for side, expected in float32.items():
                found = rows[name]["endpoints"][endpoint][side]
                assert sorted(found, key=str) == sorted(expected, key=str)


def test_tflite_uses_builtin_operators_only(case):
    for variant in VARIANTS:
        assert custom_operators(case.run.path / "export" / f"model_{variant}.tflite") == []


def test_quantised_files_are_smaller_and_hold_integers(case):
    sizes = {row["format"]: row["bytes"] for row in case.rows}
    assert sizes["float16"] < sizes["float32"]
    assert sizes["int8"] < sizes["float32"]
    int8 = case.run.path / "export" / "model_int8.tflite"
    assert _has_int8_activations(int8)


def test_saved_model_predicts_where_maquette_cannot_be_imported(case, tmp_path):
    saved_model = case.run.path / "export" / "saved_model"
    for name in case.callable_endpoints:
        inputs = _without_objects(case.probes[name].inputs)
        outputs = predict_without_maquette(saved_model, name, inputs, tmp_path)
        for key, expected in case.answers(name).items():
            np.testing.assert_allclose(outputs[key], expected, atol=1e-5)


def test_golden_vectors_of_every_endpoint_are_verified_in_every_file(case):
    rows = maquette.verify(case.run.path)
    assert {row["failure"] for row in rows} == {""}
    for file in (row["file"] for row in case.rows):
        served = case.server_endpoints if file == "saved_model" else ()
        verified = {row["endpoint"] for row in rows if row["file"] == file}
        assert verified == {*case.endpoints, *served}


def test_metadata_names_every_input_and_output(case):
    told = metadata.read(case.run.path / "export" / "model_int8.tflite")
    graphs = {graph["name"]: graph for graph in told["subgraphs"]}
    for name, endpoint in case.endpoints.items():
        expected = [{tensor.name for tensor in endpoint.inputs}, set(endpoint.output)]
        found = [{t["name"] for t in graphs[name][side]} for side in ("inputs", "outputs")]
        assert found == expected


def test_callers_parse_in_every_language_and_python_answers_what_keras_did(case, tmp_path):
    export = case.run.path / "export"
    shutil.copy(export / "golden.json", tmp_path)
    takes_strings = any(
        t.kind == "string" for t in case.task.tensors(case.run.description).values()
    )
    languages = [n for n, each in LANGUAGES.items() if each.TAKES_STRINGS or not takes_strings]
    write_callers(tmp_path, languages, Metadata.of(case.run), list(case.endpoints))
    for language in languages:
        for file in (tmp_path / "caller" / language).iterdir():
            assert mistakes(file) == []
    check = tmp_path / "caller" / "python" / "check_golden.py"
    done = run_without_maquette(check, export / "model_int8.tflite", export / "golden.json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_search_space_draws_only_valid_configs(case):
    drawn = keras_tuner.HyperParameters()
    case.template.search_space(drawn)
    assert drawn.space
    configs = set()
    for seed in range(1, DRAWS + 1):
        for parameter in drawn.space:
            drawn.values[parameter.name] = parameter.random_sample(seed)
        config = case.template.Config(**case.template.search_space(drawn))
        configs.add(config.model_dump_json())
    assert len(configs) > 1


def test_scores_of_single_examples_are_the_parts_of_a_metric(case):
    task, run = case.task, case.run
    split = next(name for name in ("test", "validation", "train") if name in run.metrics)
    metrics = run.metrics[split]["metrics"]
    assert task.lower_is_better <= metrics.keys()
    first, again = (task.item_scores(run, case.data, split) for _ in range(2))
    if first is None:
        pytest.skip("the task has no scores of single examples")
    assert 0 < len(first.values) <= run.record["data"]["sizes"][split]
    np.testing.assert_array_equal(first.values, again.values)
    assert np.mean(first.values) == pytest.approx(metrics[first.metric], abs=1e-4)


def test_figures_are_written(case):
    names = case.template.figures(case.model, case.data).keys()
    written = {path.stem for path in (case.run.path / "figures").glob("*.png")}
    assert written - {"learning_curves"}, "neither the model nor its results are drawn"
    for name in (*names, "learning_curves"):
        picture = case.run.path / "figures" / f"{name}.png"
        assert picture.read_bytes().startswith(b"\x89PNG"), name


def test_run_folder_is_complete(case):
    names = {path.name for path in case.run.path.iterdir()}
    expected = {"config.yaml", "model.keras", "history.csv", "metrics.json", "report.html"}
    texts = case.task.texts(case.data).keys()
    assert expected | {"figures", "export", *texts} <= names


def _without_objects(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {k: v.astype(np.str_) if v.dtype == object else v for k, v in inputs.items()}


def _without_time(row: dict) -> dict:
    return {key: value for key, value in row.items() if key != "seconds"}


def _has_int8_activations(path: Path) -> bool:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    tensors = interpreter.get_tensor_details()
    return any(t["dtype"] == np.int8 and tuple(t["shape_signature"][:1]) == (-1,) for t in tensors)
