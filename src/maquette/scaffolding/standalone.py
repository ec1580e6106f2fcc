"""Standalone projects: the template's file and all that it and the verbs need of maquette."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Mapping, Set
from graphlib import CycleError
from importlib.metadata import requires

from packaging.requirements import Requirement

from maquette.errors import UserError
from maquette.gallery import template_path
from maquette.samples import SAMPLES
from maquette.scaffolding.answers import Answers
from maquette.scaffolding.card import default_data
from maquette.scaffolding.closure import Closure
from maquette.scaffolding.conditions import traits, without_needless
from maquette.scaffolding.data_sources import DataSource, data_sources, needed, sample_of
from maquette.scaffolding.emission import Emission
from maquette.scaffolding.layout import Layout
from maquette.scaffolding.modules import Module
from maquette.scaffolding.parts import Code, source_text
from maquette.sources import kind_of

MODEL, DATA, TESTS = "project.model", "project.data", "project.tests.test_model"
# Files of `sources/standalone`, and the module of maquette in whose place each stands.
EDITIONS = {
    "__main__": (),
    "callbacks.cosine_schedule": ("maquette.callbacks.cosine_schedule",),
    "data": ("maquette.sources",),
    "defaults": (),
    "export": (),
    "generation.judge": ("maquette.generation.judge",),
    "image_data": (
        "maquette.images.data",
        "maquette.images.decoding",
        "maquette.images.sized_images",
        "maquette.datasets.image_folder",
    ),
    "messages": ("maquette.errors", "maquette.progress"),
    "options": ("maquette.contract",),
    "pipeline": ("maquette.pipeline",),
    "reporting.plot_text": ("maquette.reporting.plot_text",),
    "run": ("maquette.run",),
    "samples": ("maquette.samples",),
    "tasks.image_task": ("maquette.tasks.image_task",),
    "tasks.task": ("maquette.tasks.task",),
    "tests.test_model": (),
    "training": (),
    "tuning": (),
}
READ = frozenset({"divided_by_us", "image_shape"})  # Of data and options, by some tasks.
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}
ALWAYS = ("tensorflow",)
ROLES = {
    "model": "the model: options, network, tuning, export, pictures",
    "__main__": "the command line",
    "training": "training and resuming, by plain `fit`",
    "data": "which data there is to train on",
    "export": "SavedModel and TFLite, checked against Keras",
    "run": "a training's folder: its model, its data, and how good it is",
    "tuning": "looking for better options",
    "tasks": "what kind of problem it is: tensors, metrics, predictions",
    "callbacks/": "callbacks, the model's and your own",
}


def code_of(answers: Answers) -> Code:
    """Return the Python files of a standalone project."""
    # The first is there to tell what data is carried, and how it is read.
    first = _closure(answers, (), {"reads_files"})
    samples = _samples(first)
    closure = _closure(answers, samples, _read_of_data(first))
    layout = Layout(closure, answers.package)
    emission = Emission(layout, lambda text: _reworded(text, answers))
    package, texts = answers.package, {}
    for name, modules in _files(layout, answers).items():
        path = f"{name}.py" if name.startswith("tests/") else f"{package}/{name}.py"
        is_model = modules == [MODEL]
        texts[path] = emission.verbatim(name, MODEL) if is_model else emission.file(name, modules)
    title = f"{answers.name}, made from maquette's `{answers.template}`."
    texts[f"{package}/__init__.py"] = source_text("standalone/__init__.py.txt").replace(
        "$title", title
    )
    for folder in {path.rpartition("/")[0] for path in texts} - {package, "tests"}:
        what = folder.rpartition("/")[2].capitalize()
        texts.setdefault(f"{folder}/__init__.py", f'"""{what}, one idea per file."""\n')
    return Code(texts, tuple(_dependencies(texts, package, samples)), _roles(texts, package))


def _files(layout: Layout, answers: Answers) -> dict[str, list[str]]:
    try:
        return layout.files()
    except CycleError:  # What opens the data builds on maquette's own way to open data.
        raise _unreadable(answers) from None


def _unreadable(answers: Answers) -> UserError:
    return UserError(
        f"a standalone project cannot read {answers.data}; make one without --standalone"
    )


def _closure(answers: Answers, samples: Iterable[str], read: Set[str]) -> Closure:
    template = template_path(answers.template).read_text(encoding="utf-8")
    sources = needed(answers.template, answers.data)
    _require_default_task(template, answers, sources)
    # The edition of image data has arrays and folders alone.
    others = (each for each in sources if each.opens_paths and each.name != "image_folder")
    if any("images" in each.kinds for each in others):
        raise _unreadable(answers)
    embedded = [source.name for source in sources if not source.opens_paths]
    test_data = next(iter(embedded), sample_of(answers.template))
    if test_data not in embedded:
        sources = [data_sources()[test_data], *sources]
    holding = traits(answers.template, sources) | read
    texts = {
        name: without_needless(source_text(f"standalone/{name.replace('.', '/')}.py.txt"), holding)
        for name in EDITIONS
    }
    texts["data"] = _with_sources(texts["data"], [source.name for source in sources])
    texts["samples"] = texts["samples"].replace("FILES = {}", _table(samples))
    texts["tests.test_model"] = texts["tests.test_model"].replace("$test_data", test_data)
    given = {f"project.{name}": Module(f"project.{name}", text) for name, text in texts.items()}
    given[MODEL] = Module(MODEL, template)
    stand_ins = {old: f"project.{name}" for name, olds in EDITIONS.items() for old in olds}
    roots = frozenset({"maquette", "project"})
    closure = Closure(given, roots, stand_ins, {MODEL: "project.defaults"})
    for root in (MODEL, "project.__main__", TESTS):
        closure.need_all(root)
    return closure


def _read_of_data(closure: Closure) -> set[str]:
    """Return what of the data is read, and whether it is by the indices of something lazy."""
    carried = (
        "\n".join(closure.module(module).lines[each.first - 1 : each.last])
        for (module, _), each in closure.carried.items()
        if module.startswith("maquette.")
    )
    is_lazy = any("def __getitem__(self, indices" in text for text in carried)
    return READ & closure.used | ({"reads_files"} if is_lazy else set())


def _require_default_task(template: str, answers: Answers, sources: list[DataSource]) -> None:
    """Make sure that the data is for the template's default task, which alone is carried."""
    usual = data_sources().get(default_data(answers.template))
    if usual is None or not re.search(r"^TASKS\b", template, re.MULTILINE):
        return
    kind = kind_of(answers.data, {kind for source in sources for kind in source.kinds})
    if kind not in usual.kinds:
        raise UserError(
            f"a standalone project of {answers.template} takes {' or '.join(usual.kinds)}; "
            f"for {answers.data} make one without --standalone"
        )


def _with_sources(text: str, names: list[str]) -> str:
    imports = "\n".join(f"from maquette.datasets import {name}" for name in names)
    entries = ", ".join(f'"{name}": {name}' for name in names)
    head = "from maquette.errors import UserError"
    text = text.replace(head, f"{imports}\n{head}")
    return text.replace("SOURCES = {}", f"SOURCES = {{{entries}}}")


def _samples(closure: Closure) -> list[str]:
    """Return the names of the data that installed packages must carry."""
    modules = {module for module, _ in closure.carried} - {"project.samples"}
    texts = (closure.module(module).text for module in modules)
    return sorted({name for t in texts for name in re.findall(r'sample_path\("(\w+)"\)', t)})


def _table(samples: Iterable[str]) -> str:
    rows = []
    for name in samples:
        sample = SAMPLES[name]
        fields = (sample.package, sample.file, sample.sha256)
        rows += [f'    "{name}": (', *(f'        "{each}",' for each in fields), "    ),"]
    return "\n".join(["FILES = {", *rows, "}"]) if rows else "FILES = {}"


def _reworded(text: str, answers: Answers) -> str:
    """Return a text that speaks of the project in the place of maquette."""
    command = f"python -m {answers.package}"
    # Of the commands of the card the first one alone: the others may name data that it cannot read.
    commands = rf"(\n    maquette train {answers.template}\b.*)+"
    text = re.sub(commands, f"\n    {command} train", text)
    text = re.sub(r"maquette (train|evaluate|predict|export|tune)\b", rf"{command} \1", text)
    text = text.replace('"maquette"', f'"{answers.package}"').replace("$package", answers.package)
    return re.sub(r"\b(maquette|project)\.(?=[a-z_]+)", f"{answers.package}.", text)


def _dependencies(texts: Mapping[str, str], package: str, samples: Iterable[str]) -> list[str]:
    """Return what pip must install for some files, with the lowest versions that maquette takes."""
    known = {r.name: r for r in map(Requirement, requires("maquette") or ())}
    modules = {each for text in texts.values() for each in _imported(text)}
    modules -= {package, "pytest", *sys.stdlib_module_names}
    names = {DISTRIBUTIONS.get(each, each.replace("_", "-")) for each in modules}
    names |= {SAMPLES[name].distribution for name in samples} | {*ALWAYS}
    found = [f"{known[n].name}{known[n].specifier}" if n in known else n for n in names]
    return sorted(found)


def _imported(text: str) -> Iterable[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def _roles(texts: Mapping[str, str], package: str) -> dict[str, str]:
    roles = {f"{package}/{name}" + ("" if "/" in name else ".py"): ROLES[name] for name in ROLES}
    return {
        path: text
        for path, text in roles.items()
        if path in texts or any(each.startswith(path) for each in texts)
    }
