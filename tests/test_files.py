"""A file or folder appears whole or not at all."""

from __future__ import annotations

import hashlib
import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from maquette.errors import UserError
from maquette.files import (
    folder_written_whole,
    require_writable,
    sha256,
    write_text,
    written_whole,
)


@pytest.fixture
def umask(request: pytest.FixtureRequest):
    """Set the mask of permissions that new files lack."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def write_half(writing: AbstractContextManager[Path], error: type[BaseException]) -> None:
    """Begin to write a file or a folder, and fail."""
    with writing as temporary:
        target = temporary / "half" if temporary.is_dir() else temporary
        target.write_text("half")
        raise error


def test_a_file_appears_when_its_writing_is_done(tmp_path: Path):
    path = tmp_path / "new" / "model.keras"
    with written_whole(path) as temporary:
        temporary.write_bytes(b"weights")
        assert not path.exists()
        assert (temporary.parent, temporary.suffix) == (path.parent, path.suffix)
    assert path.read_bytes() == b"weights"
    assert os.listdir(path.parent) == ["model.keras"]


def test_a_file_is_replaced_in_one_step(tmp_path: Path):
    path = tmp_path / "history.csv"
    write_text(path, "old")
    with path.open() as reader, written_whole(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    with path.open() as again:
        assert again.read() == "new"
    assert reader.closed
    assert os.listdir(tmp_path) == ["history.csv"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path, error):
    path = tmp_path / "metrics.json"
    write_text(path, "old")
    with pytest.raises(error):
        write_half(written_whole(path), error)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["metrics.json"]


def test_text_is_written_as_utf_8_and_on_an_error_not_at_all(tmp_path: Path):
    path = tmp_path / "labels.txt"
    write_text(path, "Füße 足\n")
    assert path.read_bytes() == "Füße 足\n".encode()
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half, then \ud800")
    assert path.read_text(encoding="utf-8") == "Füße 足\n"
    assert os.listdir(tmp_path) == ["labels.txt"]


def test_a_folder_appears_when_its_writing_is_done(tmp_path: Path):
    path = tmp_path / "new" / "export"
    with folder_written_whole(path) as temporary:
        (temporary / "a.txt").write_text("a")
        assert not path.exists()
    assert (path / "a.txt").read_text() == "a"
    assert os.listdir(path.parent) == ["export"]


def test_a_folder_is_replaced_with_all_that_was_in_it(tmp_path: Path):
    path = tmp_path / "export"
    for name in ("old", "new"):
        with folder_written_whole(path) as temporary:
            (temporary / name).touch()
    assert os.listdir(path) == ["new"]
    assert os.listdir(tmp_path) == ["export"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_old_folder(tmp_path: Path, error):
    path = tmp_path / "export"
    with folder_written_whole(path) as temporary:
        (temporary / "old").touch()
    with pytest.raises(error):
        write_half(folder_written_whole(path), error)
    assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["export"]


def test_an_error_while_replacing_leaves_the_old_folder(tmp_path: Path, monkeypatch):
    path = tmp_path / "export"
    with folder_written_whole(path) as temporary:
        (temporary / "old").touch()
    replace = Path.replace

    def fails_for_the_new(self: Path, target: Path) -> Path:
        if (self / "new").exists():
            raise OSError("the disk went away")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails_for_the_new)
    with pytest.raises(OSError, match="went away"), folder_written_whole(path) as temporary:
        (temporary / "new").touch()
    assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["export"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002], indirect=True)
def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask):
    file, folder = tmp_path / "file", tmp_path / "folder"
    write_text(file, "")
    with folder_written_whole(folder):
        pass
    assert file.stat().st_mode & 0o777 == 0o666 & ~umask
    assert folder.stat().st_mode & 0o777 == 0o777 & ~umask


def test_sha256_is_that_of_the_content(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 5000)
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_that_can_be_made_is_writable_and_is_not_made(tmp_path: Path):
    require_writable(tmp_path / "not" / "there" / "yet")
    assert os.listdir(tmp_path) == []


def test_a_folder_below_a_file_is_not_writable(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file; choose another --out"):
        require_writable(tmp_path / "file" / "deeper")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_a_folder_that_forbids_writing_is_refused_with_the_reason():
    with pytest.raises(UserError, match=r"cannot write to /proc/x: .*; choose another --out"):
        require_writable(Path("/proc/x"))
