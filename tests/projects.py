"""Projects whose template changes after they were made."""

from __future__ import annotations

from pathlib import Path

import pytest

import maquette
import maquette.templates
from maquette.gallery import template_path
from maquette.scaffolding.new import new

TEMPLATE, VERSION, NEXT = "new_net", "0.5.0", "0.6.0"
DROPOUT = '''    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Share of hidden units left out at each training step."""
'''
NOISE = '''    noise: Annotated[float, Field(ge=0)] = 0.1
    """Strength of the noise that is added to the pixels."""
'''
FASTER = ("learning_rate: PositiveFloat = 1e-3", "learning_rate: PositiveFloat = 2e-3")


class Template:
    """A template of its own, which can become another version.

    Args:
        folder: Where its file is.
        monkeypatch: What undoes all of it.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.file, self._monkeypatch = folder / f"{TEMPLATE}.py", monkeypatch
        folders = [*maquette.templates.__path__, str(folder)]
        monkeypatch.setattr(maquette.templates, "__path__", folders)
        monkeypatch.setattr(maquette, "__version__", VERSION)
        text = template_path("mlp").read_text(encoding="utf-8")
        self.file.write_text(text.replace("train mlp", f"train {TEMPLATE}"), encoding="utf-8")

    def change(self, *replacements: tuple[str, str]) -> None:
        """Become the template of the next version of maquette, with other texts in its file."""
        text = self.file.read_text(encoding="utf-8")
        for before, after in replacements:
            assert text.count(before) == 1
            text = text.replace(before, after)
        self.file.write_text(text, encoding="utf-8")
        self._monkeypatch.setattr(maquette, "__version__", NEXT)


@pytest.fixture
def own_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Template:
    """A template that can change."""
    (tmp_path / "templates").mkdir()
    return Template(tmp_path / "templates", monkeypatch)


@pytest.fixture(params=["linked", "standalone"])
def any_project(request, own_template: Template, tmp_path: Path) -> Path:
    """A project of it, in either form."""
    return make_project(tmp_path / "my-app", standalone=request.param == "standalone", git=False)


@pytest.fixture
def linked_project(own_template: Template, tmp_path: Path) -> Path:
    """A project of it that imports maquette."""
    return make_project(tmp_path / "my-app", git=False)


def make_project(folder: Path, **options: object) -> Path:
    """Make a project from it."""
    return new(TEMPLATE, folder, author="Ada", python="3.11", **options)


def edit(file: Path, before: str, after: str) -> None:
    """Change a text that stands in a file once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), encoding="utf-8")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder but git's own, by path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {str(path.relative_to(folder)): path for path in files}
    return {name: path.read_bytes() for name, path in names.items() if ".git/" not in f"{name}/"}


def model(project: Path) -> Path:
    """Return the file of a project's model."""
    return project / "my_app" / "model.py"
