"""Templates are found by listing their folder, and described without running them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import maquette
import maquette.templates
from maquette.errors import UserError
from maquette.gallery import (
    config_class,
    list_templates,
    load_template,
    show,
    template_names,
    template_path,
)

WHOLE = '''\
"""Mean: the average of what it saw.

It needs no training.
"""

from typing import Annotated

from pydantic import Field, PositiveInt

from maquette.contract import TemplateConfig


class Config(TemplateConfig):
    """Options of the mean."""

    epochs: PositiveInt = 1
    """Passes over the training data."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the old mean that is kept."""


TINY = Config()
TASK = object()


def build(config, data): ...
def search_space(hp): ...
def endpoints(model): ...
def figures(model, data): ...
'''


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second folder of templates, beside the real one."""
    folders = [*maquette.templates.__path__, str(tmp_path)]
    monkeypatch.setattr(maquette.templates, "__path__", folders)
    yield tmp_path
    for name in list(sys.modules):
        if name.startswith("maquette.templates.new"):
            del sys.modules[name]


def test_the_templates_are_the_files_of_the_folder():
    folder = Path(next(iter(maquette.templates.__path__)))
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert template_names() == sorted(files)
    assert template_path("mlp") == folder / "mlp.py"


def test_a_new_file_is_a_new_template(gallery: Path):
    (gallery / "new_mean.py").write_text(WHOLE)
    assert "new_mean" in template_names()
    card = show("new_mean")
    assert card in list_templates()
    assert (card.name, card.summary) == ("new_mean", "Mean: the average of what it saw.")
    assert card.text.endswith("It needs no training.")
    assert load_template("new_mean").card == card.text


@pytest.mark.parametrize("name", template_names())
def test_a_card_begins_with_the_line_that_lists_it(name):
    card = show(name)
    assert card.summary == card.text.splitlines()[0]
    assert ": " in card.summary
    assert card.summary.endswith(".")
    assert card.to_dict() == {"name": name, "summary": card.summary, "text": card.text}


@pytest.mark.parametrize("name", template_names())
def test_options_are_those_of_the_real_config(name):
    before, real, after = config_class(name), load_template(name).Config, config_class(name)
    schema = real.model_json_schema()
    assert before.model_json_schema() == after.model_json_schema() == schema
    assert before().model_dump() == after().model_dump() == real().model_dump()
    assert all(option["description"] for option in schema["properties"].values())


def test_options_are_read_without_importing_keras():
    script = (
        "import sys; from maquette.gallery import config_class, template_names\n"
        "for name in template_names(): config_class(name)()\n"
        "sys.exit(str({'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert told.stderr == "set()\n"


def test_an_unknown_template_is_refused_with_the_nearest_name():
    for function in (show, template_path, config_class, load_template):
        with pytest.raises(UserError, match="no template 'mpl'; perhaps you meant 'mlp'; there"):
            function("mpl")


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("TINY = Config()\n", "TINY"),
        ("def build(config, data): ...\n", "build"),
        ("def endpoints(model): ...\ndef figures(model, data): ...\n", "endpoints, figures"),
    ],
)
def test_a_template_that_lacks_parts_is_refused_with_their_names(gallery: Path, part, name):
    (gallery / "new_part.py").write_text(WHOLE.replace(part, ""))
    with pytest.raises(UserError, match=f"template 'new_part' lacks {name}; see CONTRIBUTING.md"):
        load_template("new_part")


def test_a_template_without_a_docstring_is_refused(gallery: Path):
    (gallery / "new_mute.py").write_text(WHOLE.split('"""', maxsplit=2)[2])
    with pytest.raises(UserError, match="template 'new_mute' lacks a docstring"):
        load_template("new_mute")


def test_a_template_without_options_is_refused(gallery: Path):
    (gallery / "new_fixed.py").write_text('"""Fixed: nothing to choose."""\n')
    with pytest.raises(UserError, match="template 'new_fixed' lacks Config"):
        config_class("new_fixed")


def test_an_option_may_not_be_called_as_one_of_the_command_line(gallery: Path):
    (gallery / "new_seed.py").write_text(WHOLE.replace("epochs:", "seed:"))
    with pytest.raises(UserError, match=r"'new_seed' uses reserved option names: \['seed'\]"):
        load_template("new_seed")


def test_a_template_that_is_no_python_is_refused_with_the_line(gallery: Path):
    path = gallery / "new_slip.py"
    path.write_text('"""Slip: a slip of the pen."""\n\nclass Config(:\n')
    for function in (show, config_class, load_template):
        with pytest.raises(UserError, match=f"'new_slip' is no Python: .* in line 3 of {path}"):
            function("new_slip")
