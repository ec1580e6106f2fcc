"""An image that did not change is inspected once, in whatever command."""

import os
import time

import pytest
from image_trees import add_images
from PIL import Image

from maquette.images import inspection, remembered
from maquette.images.inspection import inspect_all


@pytest.fixture(autouse=True)
def database(tmp_path, monkeypatch):
    monkeypatch.setenv("MAQUETTE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "MOMENT", 0)  # or the files of a test would be too new
    return tmp_path / "cache" / "inspections.sqlite"


@pytest.fixture
def files(tmp_path):
    folder = add_images(tmp_path / "images", 12)
    # A name need not be valid Unicode.
    return sorted(folder.rename(tmp_path / "images \udcff").iterdir())


@pytest.fixture
def read(monkeypatch):
    """The names of files that were read."""
    names = []

    def reading(path, read=inspection.read):
        names.append(path.name)
        return read(path)

    monkeypatch.setattr(inspection, "read", reading)
    return names


def test_files_that_did_not_change_are_not_read_again(files, read):
    first = inspect_all(files)
    assert sorted(read) == [file.name for file in files]
    calls = []
    assert inspect_all(files, lambda *call: calls.append(call)) == first
    assert len(read) == len(files)
    assert calls == [(done, len(files)) for done in range(1, len(files) + 1)]


def test_a_file_is_known_by_its_place_however_that_is_written(files, read, monkeypatch):
    first = inspect_all(files)
    monkeypatch.chdir(files[0].parent)
    assert inspect_all([type(files[0])(file.name) for file in files]) == first
    assert len(read) == len(files)


def test_a_file_that_changed_is_read_again_though_size_and_time_are_as_they_were(files, read):
    first = inspect_all(files)
    changed, stat = files[3], files[3].stat()
    content = bytearray(changed.read_bytes())
    Image.new("RGB", (12, 10), "red").save(changed)
    changed.write_bytes(changed.read_bytes().ljust(len(content), b"\0"))
    os.utime(changed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    read.clear()
    second = inspect_all(files)
    assert read == [changed.name]
    assert [a == b for a, b in zip(first, second, strict=True)].count(False) == 1


def test_a_file_that_changed_a_moment_ago_is_not_remembered(files, read, monkeypatch):
    monkeypatch.setattr(remembered, "MOMENT", 2_000_000_000)
    old = time.time() - 60
    for file in files:
        os.utime(file, (old, old))  # as copied from elsewhere just now
    for _ in range(2):
        inspect_all(files)
    assert len(read) == 2 * len(files)


def test_what_cannot_be_read_is_tried_each_time(files, read):
    files[2].write_bytes(b"")
    for _ in range(2):
        assert str(inspect_all(files)[2]) == "empty file"
    assert read.count(files[2].name) == 2


@pytest.mark.parametrize(
    "harm", [lambda content: b"no database at all", lambda c: c[:5000], lambda c: c[::-1]]
)
def test_a_damaged_memory_is_given_up_and_begun_anew(files, read, database, harm):
    first = inspect_all(files)
    database.write_bytes(harm(database.read_bytes()))
    assert inspect_all(files) == first
    inspect_all(files)
    read.clear()
    assert inspect_all(files) == first
    assert read == []


def test_a_damaged_entry_is_not_believed(files, read, database):
    first = inspect_all(files)
    digest = first[0].sha256
    content = database.read_bytes()
    other = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    database.write_bytes(content.replace(digest.encode(), other.encode()))
    read.clear()
    assert inspect_all(files) == first
    assert len(read) == 1


def test_the_oldest_are_forgotten_first(files, read, monkeypatch):
    monkeypatch.setattr(remembered, "MOST", 5)
    inspect_all(files[:6])
    inspect_all(files[6:8])
    read.clear()
    inspect_all(files[:8])
    assert sorted(read) == [file.name for file in files[:3]]


def test_switched_off_nothing_is_written(files, database, monkeypatch):
    monkeypatch.setenv("MAQUETTE_CACHE", "off")
    inspect_all(files)
    assert not database.parent.exists()
