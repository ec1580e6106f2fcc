"""Templates of installed packages: listed without running them, and used as our own are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from template_packages import fake_install, install, ratings_template, write_source

import maquette
from maquette.errors import UserError
from maquette.gallery import (
    config_class,
    list_templates,
    load_template,
    show,
    template_names,
    template_package,
    template_path,
)
from maquette.scaffolding.trained import Trained

CARD = '"""Mean: the average of what it saw."""\n'
BOMB = "raise SystemExit('it was run')\n"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where Python looks for installed packages."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path / "target")
    yield tmp_path / "target"
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("acme", "other"):
            del sys.modules[name]


def card_of(name: str) -> maquette.gallery.Card:
    return next(card for card in list_templates() if card.name == name)


def test_listing_runs_neither_a_template_nor_its_package(target: Path):
    files = {"acme/__init__.py": BOMB, "acme/deep/mean.py": CARD + BOMB}
    fake_install(target, "acme-models", {"mean": "acme.deep.mean"}, files, version="1.2")
    card = card_of("mean")
    assert (card.summary, card.package) == ("Mean: the average of what it saw.", "acme-models 1.2")
    assert "mean" in template_names()
    assert template_path("mean") == target / "acme" / "deep" / "mean.py"
    assert str(template_package("mean")) == "acme-models 1.2"
    assert template_package("mlp") is None


def test_list_tells_the_package_of_a_template(command: Callable, target: Path):
    fake_install(target, "acme-models", {"mean": "acme.mean"}, {"acme/mean.py": CARD})
    assert "Mean: the average of what it saw. (acme-models 1.0)\n" in command("list").out
    cards = {card["name"]: card for card in json.loads(command("list", "--json").out)}
    assert cards["mean"]["package"] == "acme-models 1.0"
    assert "package" not in cards["mlp"]


@pytest.mark.parametrize(
    ("entry", "files", "problem"),
    [
        ("mean = acme.gone", {"acme/__init__.py": ""}, "there is no file of the module acme.gone"),
        ("mean = nowhere.mean", {}, "there is no file of the module nowhere.mean"),
        ("mean = acme.mean:build", {"acme/mean.py": CARD}, "must name a module; received 'acme.me"),
        ("mean = ../mean", {"mean.py": CARD}, "must name a module; received '../mean'"),
        ("my mean = acme.mean", {"acme/mean.py": CARD}, "its name is no Python identifier"),
        ("mean = acme.mean", {"acme/mean.py": "def ("}, "is no Python: .* in line 1 of .*mean.py"),
        ("mean = acme.mean", {"acme/mean.py": "\0"}, "'mean' .*null bytes in .*mean.py"),
        ("mean", {}, "its entry_points.txt cannot be read"),
    ],
)
def test_a_broken_package_is_one_line_of_the_list(
    command: Callable, target: Path, entry: str, files: dict, problem: str
):
    fake_install(target, "acme-models", {}, files)
    told = target / "acme_models-1.0.dist-info" / "entry_points.txt"
    told.write_text(f"[maquette.templates]\n{entry}\n")
    listed = command("list")
    assert listed.code == 0
    assert len(listed.out.splitlines()) == len(template_names()) + 1
    [card] = [card for card in list_templates() if card.problem]
    assert card.package == "acme-models 1.0"
    assert f"{card.name}  " in listed.out
    with pytest.raises(UserError, match=problem):
        show(card.name)


def test_the_doctor_tells_which_template_of_a_package_is_broken(target: Path):
    entries = {"mean": "acme.mean", "gone": "acme.gone"}
    fake_install(target, "acme-models", entries, {"acme/mean.py": CARD})
    found = {check.name: check for check in maquette.doctor(imports=False)}
    assert found["template mean"].status == "ok"
    assert found["template gone"].status == "warning"
    assert "there is no file of the module acme.gone" in found["template gone"].found
    assert found["template gone"].mend.endswith('"acme-models==1.0"')


def test_a_package_without_a_name_is_no_end_of_the_list(command: Callable, target: Path):
    fake_install(target, "acme-models", {"mean": "acme.mean"}, {"acme/mean.py": CARD})
    (target / "acme_models-1.0.dist-info" / "METADATA").unlink()
    assert "Mean: the average of what it saw." in command("list").out


def test_our_own_template_keeps_its_name_and_the_other_goes_by_that_of_its_package(target: Path):
    ours = template_path("mlp")
    fake_install(target, "acme-models", {"mlp": "acme.mlp"}, {"acme/mlp.py": CARD})
    assert template_path("mlp") == ours
    assert template_path("acme_models.mlp") == target / "acme" / "mlp.py"
    assert {"mlp", "acme_models.mlp"} <= set(template_names())


def test_templates_of_two_packages_go_by_the_names_of_both(target: Path):
    for name in ("acme", "other"):
        fake_install(target, name, {"mean": f"{name}.mean"}, {f"{name}/mean.py": CARD})
    assert {"acme.mean", "other.mean"} <= set(template_names())
    with pytest.raises(
        UserError, match=r"several packages have a template 'mean': acme\.mean, oth"
    ):
        show("mean")


def test_a_template_alone_with_its_name_is_understood_by_that_of_its_package_too(target: Path):
    fake_install(target, "acme", {"ratings": "acme.ratings"}, {"acme/ratings.py": CARD})
    assert show("acme.ratings").name == "ratings"


def test_options_are_read_without_the_rest_of_the_file(target: Path):
    files = {"acme/ratings.py": ratings_template() + BOMB}
    fake_install(target, "acme", {"ratings": "acme.ratings"}, files)
    options = config_class("ratings").model_json_schema()["properties"]
    assert options["epochs"]["description"] == "Passes over the training data."


def test_what_a_template_raises_is_told_with_its_line(target: Path):
    broken = ratings_template()
    wrong = ratings_template().replace("= 0.4", "= undefined")
    files = {"acme/broken.py": broken, "acme/wrong.py": wrong}
    fake_install(target, "acme", {"broken": "acme.broken", "wrong": "acme.wrong"}, files)
    broken = r"template 'broken' does not run: ModuleNotFoundError: .*acme.vision.* in line \d+ of"
    with pytest.raises(UserError, match=broken):
        load_template("broken")
    wrong = r"Config of template 'wrong' does not run: NameError: .*'undefined'.* in line \d+ of"
    with pytest.raises(UserError, match=wrong):
        config_class("wrong")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package that pip has built and installed."""
    source = write_source(tmp_path_factory.mktemp("source"))
    target = tmp_path_factory.mktemp("site")
    install(source, target)
    return target


@pytest.fixture(scope="module")
def run(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of its template, made by the command line."""
    out = tmp_path_factory.mktemp("runs")
    words = ("--epochs", 1, "--hidden-units", 8, "--data", "digits", "--out", out)
    run = Path(maquette_with(installed, "train", "ratings", *words).splitlines()[-1])
    assert run.parent == out / "ratings"
    return run


def maquette_with(installed: Path, *words: object) -> str:
    """Run the command line where the package can be found, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "maquette", *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def importable(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package can be found in this process."""
    monkeypatch.syspath_prepend(installed)


def test_an_installed_package_shows_its_template(installed: Path):
    listed = maquette_with(installed, "list")
    assert "\nratings" in listed
    assert "(acme-models 1.2)" in listed


@pytest.mark.usefixtures("importable")
def test_its_run_is_exported_and_evaluated(command: Callable, run: Path):
    assert command("export", run, "--formats", "float32", "int8").code == 0
    assert (run / "export" / "model_int8.tflite").is_file()
    result = json.loads(command("evaluate", run, "--json").out)
    assert result["template"] == "ratings"


@pytest.mark.usefixtures("importable")
def test_its_options_are_tuned(command: Callable, run: Path):
    words = ("--only", "dropout", "--trials", 1, "--epochs", 1, "--hidden-units", 8)
    told = command("tune", "acme_models.ratings", *words, "--out", run.parent.parent)
    assert Path(told.out.splitlines()[-1]).parent == run.parent


@pytest.mark.usefixtures("importable")
def test_a_project_of_it_is_a_template_too_and_needs_the_package(
    command: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = tmp_path / "film-stars"
    assert command("new", "ratings", project, "--defaults").code == 0
    assert '"acme-models>=1.2",' in (project / "pyproject.toml").read_text()
    install(project, tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert show("film_stars").summary == show("ratings").summary
    assert load_template("film_stars").TINY.hidden_units == (16,)
    assert maquette.update(project).changes == ()


def test_a_run_whose_package_is_gone_tells_what_to_install(run: Path):
    wanted = "'ratings' came from acme-models 1.2, and no package here has it; pip install \"acme-m"
    with pytest.raises(UserError, match=wanted):
        maquette.evaluate(run)


def test_a_run_keeps_to_its_package_where_another_has_the_name(run: Path, target: Path):
    fake_install(target, "other", {"ratings": "other.ratings"}, {"other/ratings.py": CARD})
    with pytest.raises(UserError, match=r"came from acme-models 1\.2"):
        maquette.evaluate(run)


@pytest.mark.usefixtures("importable")
def test_a_project_from_a_run_keeps_to_the_package_of_the_run(run: Path, target: Path):
    fake_install(target, "other", {"ratings": "other.ratings"}, {"other/ratings.py": CARD})
    assert Trained.of(run).template == "acme_models.ratings"
