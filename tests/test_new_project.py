"""Projects are made from a template whole or not at all, and remember how they were made."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import maquette
from maquette.errors import UserError
from maquette.gallery import template_names
from maquette.scaffolding import asking
from maquette.scaffolding.answers import Answers
from maquette.scaffolding.card import default_data
from maquette.scaffolding.project import render
from maquette.scaffolding.provenance import read_provenance

FORMS = ("linked", "standalone")
EXPECTED = {
    "README.md", "pyproject.toml", "config.yaml", "LICENSE", "LICENSE-maquette", ".gitignore",
    "Dockerfile", "serve.Dockerfile", ".github/workflows/ci.yml", "data/README.md",
    "saved_models/README.md", "tests/test_model.py", "my_app/model.py", "my_app/__main__.py",
    "my_app/callbacks/__init__.py",
}  # fmt: skip
LONGEST = "a_name_as_long_as_any_that_may_be_given_"


def answers(template: str, form: str, package: str = "my_app", **others) -> Answers:
    known = {"name": package, "package": package, "license": "MIT", "author": "Ada", "year": 2026}
    return Answers(
        template=template, form=form, **{"data": default_data(template), **known, **others}
    )


@pytest.fixture(
    scope="module", params=[(t, f) for t in template_names() for f in FORMS], ids="-".join
)
def files(request) -> dict[str, bytes]:
    """The files of a project of each template in each form."""
    return render(answers(*request.param))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return maquette.new("vae", tmp_path / "my-app", git=False, author="Ada", latent_dim=8)


def test_a_project_has_all_that_its_owner_looks_for(files):
    assert files.keys() >= EXPECTED
    assert b"$" not in files["README.md"].replace(b"$PWD", b"")


def test_no_file_of_a_project_is_hidden_by_a_folder_of_its_name(files):
    folders = {str(parent) for path in files for parent in Path(path).parents}
    assert not folders & {path.removesuffix(".py") for path in files}


def test_every_import_within_a_project_finds_what_it_names(files):
    texts = {path: content.decode() for path, content in files.items() if path.endswith(".py")}
    names = {path.removesuffix(".py").replace("/", "."): defined(t) for path, t in texts.items()}
    for text in texts.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "my_app":
                for each in node.names:
                    whole = f"{node.module}.{each.name}"
                    there = each.name in names.get(node.module, ())
                    assert there or whole in names or f"{whole}.__init__" in names, whole


def test_nothing_of_a_standalone_project_imports_maquette():
    for template in template_names():
        for path, content in render(answers(template, "standalone")).items():
            if path.endswith(".py"):
                nodes = list(ast.walk(ast.parse(content)))
                plain = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
                modules = [n.module for n in nodes if isinstance(n, ast.ImportFrom)]
                assert not [m for m in (*plain, *modules) if m.partition(".")[0] == "maquette"]


@pytest.mark.parametrize("package", ["a", LONGEST])
@pytest.mark.parametrize("form", FORMS)
def test_style_is_clean_whatever_the_name_is(form, package, tmp_path):
    for template in template_names():
        for path, content in render(answers(template, form, package)).items():
            file = tmp_path / template / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", tmp_path],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_answers_give_the_same_bytes():
    given = answers("bilstm", "standalone")
    assert render(given) == render(given)


def test_what_was_chosen_stands_in_the_configuration_with_its_meaning(project):
    text = (project / "config.yaml").read_text()
    values = yaml.safe_load(text)
    assert values["latent_dim"] == 8
    assert values["data"] == "mnist"
    above = text[: text.index("latent_dim")].splitlines()[-1]
    assert above == "# Numbers in a code; with 2 the figures show the whole plane of codes."


def test_a_project_remembers_how_it_was_made(project):
    provenance = read_provenance(project)
    assert provenance.maquette == maquette.__version__
    assert provenance.answers.options == {"latent_dim": 8}
    for path in provenance.files:
        base = project / ".maquette" / "base" / f"{path}.txt"
        assert base.read_bytes() == (project / path).read_bytes()


def test_a_standalone_project_leaves_behind_what_it_does_not_need():
    files = render(answers("vae", "standalone"))
    text = b"".join(files.values())
    assert "my_app/callbacks/kl_warmup.py" in files
    assert "my_app/callbacks/gradient_flow.py" not in files
    for needless in (b"def item_scores", b"def web_settings", b"bbc_news", b"while_loop"):
        assert needless not in text
    assert b"while_loop" in b"".join(render(answers("bilstm", "standalone")).values())


def test_a_standalone_vae_is_read_in_one_sitting():
    files = render(answers("vae", "standalone", LONGEST))
    texts = [content for path, content in files.items() if path.endswith(".py")]
    assert len(texts) <= 20
    assert sum(text.count(b"\n") for text in texts) <= 2000


def test_a_standalone_project_for_a_folder_reads_folders_and_nothing_else(tmp_path):
    files = render(answers("cnn", "standalone", data=str(tmp_path)))
    assert b"image_folder" in files["my_app/data.py"]
    assert "my_app/mnist.py" not in files


@pytest.mark.parametrize("file", ["images.npz", "images.csv?image=file&target=label"])
def test_data_that_a_standalone_project_cannot_read_is_refused(file, tmp_path):
    (tmp_path / file.partition("?")[0]).write_text("file,label\na.png,a\n")
    with pytest.raises(UserError, match=r"cannot read .*; make one without --standalone"):
        render(answers("cnn", "standalone", data=str(tmp_path / file)))


REFUSED = {
    "nope DIR": "no template 'nope'",
    "vea DIR": "perhaps you meant 'vae'",
    "vae FULL": "is not empty; choose another DIR",
    "vae FULL/file": "is a file; choose another DIR",
    "vae FULL/file/inside": "file is a file; choose another DIR",
    "vae DIR --name 1app": "'1app' gives no Python identifier",
    "vae DIR --name class": "'class' is a keyword of Python",
    "vae DIR --name json": "would hide the module of that name",
    "vae DIR --name keras": "would hide the module of that name",
    "vae DIR --name numpy": "would hide that of numpy",
    "vae DIR --name cnn": "'cnn' is the name of a template",
    "vae DIR --data mnits": "perhaps you meant 'mnist'",
    "vae DIR --latent-dim 1": "--latent-dim should be greater than or equal to 2; received 1",
    "vae DIR --license GPL": "--license takes one of",
    "vae": "missing DIR",
    "--from nowhere DIR": "no run folder 'nowhere'",
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_wrong_request_gets_one_line_and_leaves_nothing(words, command, tmp_path):
    (tmp_path / "FULL").mkdir()
    (tmp_path / "FULL" / "file").write_text("mine")
    paths = {"DIR": str(tmp_path / "DIR"), "FULL": str(tmp_path / "FULL")}
    given = [word.replace(*pair) for word in words.split() for pair in [found(word, paths)]]
    told = command("new", *given)
    assert told.code == 2
    assert REFUSED[words] in told.err
    assert len(told.err.splitlines()) == 1
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == ["FULL", "FULL/file"]


def test_a_folder_that_forbids_writing_is_refused(command, tmp_path, monkeypatch):
    def forbidden(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("maquette.files.tempfile.TemporaryFile", forbidden)
    told = command("new", "vae", tmp_path / "my-app")
    assert told.code == 2
    assert told.err.endswith(": Permission denied; choose another DIR\n")
    assert not list(tmp_path.iterdir())


def test_questions_are_asked_on_a_terminal_and_answers_checked(command, tmp_path, monkeypatch):
    replies = iter(["class", "my-net", "mnits", "digits", "MIT", "3.12"])
    monkeypatch.setattr(asking, "is_possible", lambda: True)
    monkeypatch.setattr(asking.Prompt, "ask", lambda *args, **kwargs: next(replies))
    monkeypatch.setattr("maquette.scaffolding.new.is_possible", lambda: True)
    assert command("new", "vae", tmp_path / "my-app", "--no-git").code == 0
    given = read_provenance(tmp_path / "my-app").answers
    assert (given.package, given.data, given.license, given.python) == (
        "my_net", "digits", "MIT", "3.12",
    )  # fmt: skip


@pytest.mark.parametrize(("end", "code"), [(KeyboardInterrupt, 130), (EOFError, 2)])
def test_a_cancelled_question_leaves_nothing(end, code, command, tmp_path, monkeypatch):
    def cancelled(*args, **kwargs):
        raise end

    monkeypatch.setattr(asking.Prompt, "ask", cancelled)
    monkeypatch.setattr("maquette.scaffolding.new.is_possible", lambda: True)
    told = command("new", "vae", tmp_path / "my-app")
    assert told.code == code
    assert len(told.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_failure_midway_leaves_nothing(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("maquette.scaffolding.create.write_provenance", full)
    with pytest.raises(UserError, match="No space left on device"):
        maquette.new("vae", tmp_path / "my-app", git=False)
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_filled_and_stays_the_same_folder(tmp_path):
    folder = tmp_path / "my-app"
    folder.mkdir()
    before = folder.stat().st_ino
    maquette.new("vae", folder, git=False)
    assert folder.stat().st_ino == before
    assert (folder / "README.md").is_file()
    assert not list(folder.glob(".maquette-*"))


def test_the_first_commit_holds_every_file(tmp_path):
    folder = maquette.new("vae", tmp_path / "my-app")
    for words in (["status", "--porcelain"], ["log", "--format=%s"]):
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0
    assert done.stdout == "Begin my-app, from maquette's vae\n"


def test_a_project_is_made_without_tensorflow():
    script = (
        "import sys, tempfile, maquette\n"
        "for standalone in (False, True):\n"
        "    folder = tempfile.mkdtemp()\n"
        "    maquette.new('vae', folder, name='my-app', git=False, standalone=standalone)\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def found(word: str, paths: dict[str, str]) -> tuple[str, str]:
    """Return the name that a word begins with and the path that it stands for."""
    return next(((name, p) for name, p in paths.items() if word.startswith(name)), ("", ""))


def defined(text: str) -> set[str]:
    """Return the names that a file binds."""
    nodes = list(ast.walk(ast.parse(text)))
    named = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return named | {n.id for n in nodes if isinstance(n, ast.Name)}
