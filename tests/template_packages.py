"""Packages with templates of their own, as a company would have them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from maquette.gallery import template_path

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-models"
version = "1.2"

[project.entry-points."maquette.templates"]
ratings = "acme.vision.ratings"

[tool.setuptools]
packages = ["acme", "acme.vision"]
"""
BLOCKS = '''\
"""What Acme's templates share."""

import keras


def hidden_layer(x, units, dropout):
    """Return relu(W x), some of it dropped while training."""
    x = keras.layers.Dense(units, activation="relu")(x)  # (batch, units)
    return keras.layers.Dropout(dropout)(x)
'''


def ratings_template() -> str:
    """Return a template that needs another module of its package: a perceptron of ours, changed."""
    text = template_path("mlp").read_text(encoding="utf-8")
    start = text.index("def hidden_layer(")
    text = text[:start] + text[text.index("def ", start + 1) :]
    text = text.replace("Multilayer perceptron", "Ratings").replace("train mlp", "train ratings")
    return text.replace(
        "import keras\n", "import keras\nfrom acme.vision.blocks import hidden_layer\n"
    )


def write_source(folder: Path) -> Path:
    """Write the source of the package `acme-models`, and return its folder."""
    package = folder / "acme" / "vision"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    for init in (package, package.parent):
        (init / "__init__.py").write_text("")
    (package / "blocks.py").write_text(BLOCKS)
    (package / "ratings.py").write_text(ratings_template())
    return folder


def install(source: Path, target: Path) -> None:
    """Build a package without looking for anything outside, and install it into a folder."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "install", *offline, "--target", target, source], check=True)


def fake_install(
    target: Path,
    package: str,
    entries: Mapping[str, str],
    files: Mapping[str, str],
    version: str = "1.0",
) -> None:
    """Leave in a folder what an installation leaves: modules, and what tells of them.

    Args:
        target: The folder.
        package: Name of the package.
        entries: Modules by the names of the templates.
        files: Texts by path.
        version: Version of the package.
    """
    told = target / f"{package.replace('-', '_')}-{version}.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = [f"{name} = {module}\n" for name, module in entries.items()]
    (told / "entry_points.txt").write_text("[maquette.templates]\n" + "".join(lines))
    for path, text in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)
