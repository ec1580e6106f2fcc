"""Every mistake gives one line that says what was received and what would do, and exit code 2.

It leaves no traceback and no new file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maquette


def write_images(folder: Path, count: int = 5) -> None:
    """Write small images, no two of them the same."""
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng([number, *folder.name.encode()]).integers(0, 255, (8, 8))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, full of things that are not what they should be."""
    monkeypatch.chdir(tmp_path)
    write_images(Path("animals/cat"))
    write_images(Path("animals/dog"))
    write_images(Path("digits_of_mine/0"))
    write_images(Path("digits_of_mine/1"))
    write_images(Path("cats_only/cat"))
    write_images(Path("spoilt/cat"))
    write_images(Path("spoilt/dog"))
    Path("spoilt/dog/9.png").write_text("not an image")
    Path("nothing").mkdir()
    Path("text.jpg").write_text("hello")
    Path("empty.jpg").touch()
    whole = Path("animals/cat/0.png").read_bytes()
    Path("cut.png").write_bytes(whole[: len(whole) // 2])
    Path("file").touch()
    Path("saved_models/mlp/taken").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def refusal(desk: Path, command) -> Callable[..., str]:
    """Run a command that must be refused as a mistake should be, and return the message."""

    def run(*words: object) -> str:
        before = set(desk.rglob("*"))
        told = command(*words)
        assert (told.code, told.out) == (2, "")
        assert told.err.startswith("maquette: ")
        assert told.err.count("\n") == 1
        assert "Traceback" not in told.err
        assert set(desk.rglob("*")) == before
        return told.err

    return run


MISTAKEN_WORDS = {
    "lst": "no verb 'lst'; perhaps you meant 'list'; there are list, show, check",
    "list --jsn": "unknown option --jsn; perhaps you meant '--json'; see maquette list --help",
    "list all": "unexpected 'all'; see maquette list --help",
    "show": "missing TEMPLATE, name of a template; see maquette show --help",
    "show mpl": "no template 'mpl'; perhaps you meant 'mlp'; there are ",
    "train": "missing TEMPLATE, as in maquette train TEMPLATE; there are ",
    "train --epochs 3": "missing TEMPLATE",
    "train tranfer": "no template 'tranfer'; perhaps you meant 'transfer'",
    "train mlp --epoch 3": "unknown option --epoch; perhaps you meant '--epochs'",
    "train mlp --zzz": "unknown option --zzz; see maquette train mlp --help",
    "train mlp --epochs": "--epochs needs a value; see maquette train mlp --help",
    "train mlp --epochs -3": "--epochs should be greater than 0; received -3",
    "train mlp --epochs x": "--epochs takes a whole number; received 'x'; see maquette train mlp",
    "train mlp --epochs=1.5": "--epochs takes a whole number; received '1.5'",
    "train mlp --dropout much": "--dropout takes a number; received 'much'",
    "train mlp --dropout 1.5": "--dropout should be less than 1; received 1.5",
    "train mlp --image-size big": "--image-size takes a whole number; received 'big'",
    "train mlp --hidden_units 8 b": "--hidden-units takes whole numbers; received '8' 'b'",
    "train mlp --hidden-units 0": "--hidden-units should be greater than 0; received 0",
    "train mlp --hidden-units": "--hidden-units",
    "train mlp --seed -1": "--seed should be greater than or equal to 0; received -1",
    "train mlp --class-weights yes": "unexpected 'yes'",
    "train transfer --backbone resnet": "received 'resnet'; perhaps you meant 'resnet50'",
    "evaluate": "missing RUN, folder of a run; see maquette evaluate --help",
    "evaluate RUN --split tset": (
        "--split takes one of test, train, validation; received 'tset'; perhaps you meant 'test'"
    ),
    "predict": "missing RUN",
    "predict RUN": "missing FILE, one or more files to predict from, or folders of them",
    "export RUN --formats int7": "received 'int7'; perhaps you meant 'int8'",
    "export RUN --max-drop 2": "--max-drop should be less than or equal to 1; received 2",
}

MISTAKEN_DATA = {
    "train mlp --data digts": (
        "no data set or path 'digts'; perhaps you meant 'digits'; give a path, or one of breast_"
    ),
    "train mlp --data ./animls": "animls; perhaps you meant 'animals'",
    "train mlp --data nothing": "nothing is empty; expected one sub-folder of images for each",
    "train mlp --data cats_only": "cats_only has one class only, 'cat'; two are needed",
    "train mlp --data animals/cat": "images lie directly in",
    "train mlp --data animals/cat/0.png": "0.png is a file; give a folder with one sub-folder",
    "train mlp --data spoilt --strict": (
        "cannot be read, the first dog/9.png (not an image (it begins with 'not an image'))"
    ),
    "evaluate RUN --data digts": "no data set or path 'digts'; perhaps you meant 'digits'",
    "evaluate RUN --data animals": "has the class 'cat', which the run does not know; it knows 0,",
    "evaluate RUN --data digits_of_mine --split train": "has no train split; it has test",
    "predict RUN absent.jpg": "'absent.jpg'",
    "predict RUN text.jpg": "cannot read 'text.jpg' as an image: not an image (it begins with 'h",
    "predict RUN cut.png": "cannot read 'cut.png' as an image: truncated",
    "predict RUN empty.jpg": "cannot read 'empty.jpg' as an image: empty file",
    "predict RUN animals empty.jpg": "cannot read 'empty.jpg' as an image: empty file",
    "predict RUN nothing": "nothing to predict from in nothing",
}

MISTAKEN_OUTPUTS = {
    "train mlp --out file": "cannot write to file/mlp: ",
    "train mlp --out file/deeper": "file is a file; choose another --out",
    "train mlp --name taken": "the run saved_models/mlp/taken exists; choose another --name",
    "train mlp --name a/b": "--name must be a plain folder name; received 'a/b'",
    "train mlp --name ..": "--name must be a plain folder name; received '..'",
    "train mlp --name=": "--name must be a plain folder name; received ''",
    f"train mlp --name {'long' * 80}": "--name must be a plain folder name; received 'longlong",
}


MISTAKES = {**MISTAKEN_WORDS, **MISTAKEN_DATA, **MISTAKEN_OUTPUTS}


@pytest.mark.parametrize(("line", "message"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(refusal, digits_run, line, message):
    assert message in refusal(*(digits_run.path if w == "RUN" else w for w in line.split()))


MISTAKEN_FILES = {
    "epochs: [": "options.yaml is no YAML file: expected the node content, but found",
    "- epochs": "options.yaml must hold one `option: value` a line; received ['epochs']",
    "": "options.yaml must hold one `option: value` a line; received nothing",
    "template: cnn": "options.yaml is for the template 'cnn', not 'mlp'",
    "epoch: 3": "unknown option --epoch; perhaps you meant 'epochs'",
    "name: mine": "unknown option --name",
    "epochs: many": "--epochs should be a valid integer",
    "epochs: -1": "--epochs should be greater than 0; received -1",
    "seed: x": "seed in options.yaml must be a whole number of at least 0; received 'x'",
    "data: [a, b]": "data in options.yaml must be a name or a path; received ['a', 'b']",
    "data: {path: x}": "data in options.yaml must be a name or a path; received {'path': 'x'}",
}


@pytest.mark.parametrize(("text", "message"), MISTAKEN_FILES.items(), ids=MISTAKEN_FILES)
def test_a_mistake_in_a_configuration_file_is_told_in_one_line(refusal, desk, text, message):
    (desk / "options.yaml").write_text(text)
    assert message in refusal("train", "mlp", "--config", "options.yaml")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("absent.yaml", "cannot read the configuration 'absent.yaml': No such file or directory"),
        ("nothing", "cannot read the configuration 'nothing': Is a directory"),
        ("cut.png", "cut.png is no YAML file"),
    ],
)
def test_a_configuration_that_is_no_file_of_text_is_refused(refusal, file, message):
    assert message in refusal("train", "mlp", "--config", file)


def test_the_library_refuses_what_the_command_line_refuses(desk):
    with pytest.raises(maquette.UserError, match="--epochs should be greater than 0; received -3"):
        maquette.train("mlp", epochs=-3)
    with pytest.raises(maquette.UserError, match="unknown option --epoch; perhaps you meant"):
        maquette.train("mlp", epoch=3)


def test_an_unexpected_error_is_one_line_and_exit_code_1(command, monkeypatch):
    def broken():
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(maquette, "list", broken, raising=False)
    expected = "maquette: unexpected RuntimeError: first line (--debug shows where)\n"
    assert command("list") == (1, "", expected)


def test_debug_shows_where_an_error_arose(command):
    told = command("show", "mpl", "--debug")
    assert told.code == 2
    assert told.err.startswith("Traceback (most recent call last):\n")
    assert "in find_template" in told.err
    assert told.err.splitlines()[-1].startswith("maquette: no template 'mpl'")
