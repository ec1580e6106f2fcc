"""A new template: it works from the first moment, and stands where templates are."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import maquette
import maquette.templates
from maquette.errors import UserError
from maquette.gallery import load_template, show
from maquette.starting import home_of, new_template, starter_tasks

NAME = "brand_new"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of maquette whose templates are found."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "maquette"\n')
    folders = [*maquette.templates.__path__, str(tmp_path / "templates")]
    monkeypatch.setattr(maquette.templates, "__path__", folders)
    yield tmp_path
    sys.modules.pop(f"maquette.templates.{NAME}", None)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The source of a package with a template."""
    (tmp_path / "src" / "acme" / "vision").mkdir(parents=True)
    (tmp_path / "src" / "acme" / "vision" / "ratings.py").touch()
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "acme-models"\n\n'
        '[project.entry-points."maquette.templates"]\nratings = "acme.vision.ratings"\n\n'
        "[tool.ruff]\nline-length = 100\n"
    )
    return tmp_path


@pytest.mark.parametrize("task", starter_tasks())
def test_a_new_template_trains_and_exports_at_once(checkout: Path, task: str):
    made = new_template(NAME, task=task, folder=checkout)
    assert made.path == checkout / "templates" / f"{NAME}.py"
    assert show(NAME).summary == "Brand new: what it is, in one line."
    template = load_template(NAME)
    assert type(template.TASK).__module__ == f"maquette.tasks.{task}"
    run = maquette.train(
        NAME, template.TASK.sample, out=checkout / "runs", **template.TINY.model_dump()
    )
    rows = maquette.export(run, formats=["float32", "int8"], max_drop=0.05)
    assert [row["failures"] for row in rows] == [[], []]
    assert run.model.name == NAME
    assert "starter" not in made.path.read_text().lower()


def test_a_new_template_lacks_what_only_its_author_knows(checkout: Path):
    new_template(NAME, folder=checkout)
    headings = [line.partition(":")[0] for line in show(NAME).text.splitlines()]
    assert "Data" in headings
    assert not {"Paper", "Expect"} & set(headings)


def test_in_a_package_it_stands_beside_the_others_and_is_named(package: Path):
    made = new_template(NAME, folder=package / "src" / "acme")
    assert made.path == package / "src" / "acme" / "vision" / f"{NAME}.py"
    assert made.is_named
    text = (package / "pyproject.toml").read_text()
    assert f'ratings = "acme.vision.ratings"\n{NAME} = "acme.vision.{NAME}"\n\n[tool.ruff]' in text
    entries = tomllib.loads(text)["project"]["entry-points"]["maquette.templates"]
    assert entries == {"ratings": "acme.vision.ratings", NAME: f"acme.vision.{NAME}"}


def test_the_command_tells_what_to_do_next(
    command: Callable, checkout: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(checkout)
    told = command("new", "template", NAME, "--task", "text_classification")
    assert told.out.splitlines() == [
        str(checkout / "templates" / f"{NAME}.py"),
        f"train it: maquette train {NAME}",
        f"check it: pytest tests/contract -k {NAME}",
    ]


def test_in_a_package_the_command_tells_to_install_it(
    command: Callable, package: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(package)
    lines = command("new", "template", NAME).out.splitlines()
    assert lines[1] == f"install it: pip install -e {package}"
    assert lines[-1] == f"check it: pytest --pyargs maquette.contract_tests -k {NAME}"


@pytest.mark.parametrize("words", [(), ("my-net",), (NAME, "--task", "image_clasification")])
def test_a_wrong_command_is_refused_in_one_line(
    command: Callable, checkout: Path, monkeypatch: pytest.MonkeyPatch, words: tuple
):
    monkeypatch.chdir(checkout)
    told = command("new", "template", *words)
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert list((checkout / "templates").iterdir()) == []


def test_a_pyproject_of_another_form_is_left_alone(package: Path):
    text = (
        '[project]\nname = "acme-models"\n'
        'entry-points = { "maquette.templates" = { ratings = "acme.vision.ratings" } }\n'
    )
    (package / "pyproject.toml").write_text(text)
    made = new_template(NAME, folder=package)
    assert made.path.is_file()
    assert not made.is_named
    assert (package / "pyproject.toml").read_text() == text


def test_the_end_of_a_pyproject_needs_no_line_break(package: Path):
    file = package / "pyproject.toml"
    file.write_text(file.read_text().partition("\n\n[tool")[0])
    assert new_template(NAME, folder=package).is_named


@pytest.mark.parametrize(
    "name", ["", "my-net", "MyNet", "2nets", "a.b", "../net", "class", "_net", "né", "a/b"]
)
def test_a_name_that_is_no_identifier_is_refused(checkout: Path, name: str):
    with pytest.raises(UserError, match="is a Python identifier of small letters, digits and _"):
        new_template(name, folder=checkout)
    assert list((checkout / "templates").iterdir()) == []


@pytest.mark.parametrize("name", ["mlp", "template"])
def test_a_name_that_is_taken_is_refused(checkout: Path, name: str):
    with pytest.raises(UserError, match=f"the name '{name}' is taken; choose another"):
        new_template(name, folder=checkout)


def test_a_file_that_is_there_is_not_overwritten(package: Path):
    path = package / "src" / "acme" / "vision" / f"{NAME}.py"
    path.write_text("mine")
    with pytest.raises(UserError, match=f"{NAME}.py exists; choose another name"):
        new_template(NAME, folder=package)
    assert path.read_text() == "mine"


def test_an_unknown_task_is_refused_with_the_nearest(checkout: Path):
    with pytest.raises(UserError, match="no task 'image_clasification'; perhaps you meant 'image_"):
        new_template(NAME, task="image_clasification", folder=checkout)


def test_a_folder_that_is_neither_checkout_nor_package_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="is neither in a checkout of maquette nor in a package"):
        home_of(tmp_path)


def test_a_package_whose_template_is_gone_is_refused(package: Path):
    (package / "src" / "acme" / "vision" / "ratings.py").unlink()
    with pytest.raises(UserError, match=r"names the template acme\.vision\.ratings, which is"):
        new_template(NAME, folder=package)


def test_a_pyproject_that_is_no_toml_is_refused(package: Path):
    (package / "pyproject.toml").write_text("[project")
    with pytest.raises(UserError, match=r"pyproject\.toml is no TOML: .*end of document"):
        new_template(NAME, folder=package)
