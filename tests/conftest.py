"""Fixtures that many tests share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from image_trees import add_images
from instant_training import resume, trained, tune  # noqa: F401
from projects import any_project, linked_project, own_template  # noqa: F401
from shared_converter import shared_converter  # noqa: F401
from xdist.scheduler import LoadScopeScheduling

import maquette
from maquette.cli import main


class ByFileAndTemplate(LoadScopeScheduling):
    """Keep a file's tests in one process, so that what they share is built once.

    The files that try templates one by one are divided further: one template, one process.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        by_template = file.endswith(("test_every_template.py", "test_resume.py"))
        return f"{file}[{test.rpartition('[')[2]}" if by_template else file


def pytest_xdist_make_scheduler(config, log):
    """Return our division of the tests among the processes."""
    return ByFileAndTemplate(config, log)


def pytest_make_parametrize_id(config, val, argname):
    """Name bytes by their argument: what gzip makes of a text changes with the second of the day,
    and the processes must collect the same names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the cache of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAQUETTE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


class Outcome(NamedTuple):
    """What a command left: its exit code, and what it printed to both streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """The command line, e.g. `command("list", "--json").out`."""

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> maquette.Run:
    """A small network trained on the digits in seconds. Only to be read: see `copied_run`."""
    out = tmp_path_factory.mktemp("runs")
    return maquette.train(
        "mlp", data="digits", epochs=5, hidden_units=(16,), out=out, name="digits"
    )


@pytest.fixture
def copied_run(digits_run: maquette.Run, tmp_path: Path) -> maquette.Run:
    """A copy of `digits_run` that a test may change."""
    folder = shutil.copytree(digits_run.path, tmp_path / "runs" / "mlp" / "copied")
    return maquette.Run(folder)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """An undivided folder of two classes."""
    root = tmp_path / "pets"
    add_images(root / "cats", 20)
    add_images(root / "dogs", 20)
    return root


@pytest.fixture
def split_pets(tmp_path: Path) -> Path:
    """A folder with train, val and test inside."""
    root = tmp_path / "pets"
    for split, count in (("train", 10), ("val", 4), ("test", 3)):
        for label in ("cats", "dogs"):
            add_images(root / split / label, count, split)
    return root
