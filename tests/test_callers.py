"""Callers: code that maquette writes around an exported model is right in each language."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from contract.foreign_code import mistakes
from contract.without_maquette import run_without_maquette

import maquette
from maquette.errors import UserError
from maquette.exporting.callers.write import LANGUAGES, write_callers
from maquette.exporting.golden import Example, Golden
from maquette.exporting.metadata import Metadata
from maquette.exporting.regex_tokenizer import DELIMITER, vocabulary_lines
from maquette.tasks.tensors import Tensor, class_scores
from maquette.text.vocabulary import RESERVED, Vocabulary

WORDS = ("the", "film", "don't", "été", "bbc's", "mps", "o'neill", "ipod", "naïve", "ὀδός", "ß")
TEXTS = (
    "The FILM: don't! Don\u2019t \u2019film\u2019 'the' ÉTÉ Été ete",
    "BBC's MPs, O'Neill's iPod\r\n(the film). naïve NAÏVE 4th ''",
    "   ",
    "the " * 12,
    "ὈΔΌΣ ὀδός film_the film-the film/2 İ \U0001f600the\U0001f600",
    "e\u0301te\u0301 nai\u0308ve film",
)
LENGTH = 8
LABELS = ('a "b" $c \\', "été", "c")
IMAGE = Tensor("The image, pixels 0 to 255.", "image")
TEXT = Tensor("Ids.", "words", words=(*RESERVED, *WORDS), length=LENGTH)
WORD = Tensor("Id.", "words", words=(*RESERVED, *WORDS))
MODELS = {
    "pictures": (
        {"classify": ({"image": ((1, 4, 6, 3), "u1")}, {"probabilities": ((1, 3), "f4")})},
        {"image": IMAGE, "probabilities": class_scores(LABELS)},
    ),
    "texts": (
        {"classify": ({"ids": ((1, LENGTH), "i4")}, {"probabilities": ((1, 3), "f4")})},
        {"ids": TEXT, "probabilities": class_scores(LABELS)},
    ),
    "codes": (
        {
            "encode": (
                {"image": ((1, 4, 4, 1), "u1")},
                {"mean": ((1, 2), "f4"), "log_variance": ((1, 2), "f4")},
            ),
            "generate": ({"noise": ((1, 2), "f4")}, {"pixels": ((1, 4, 4, 1), "f4")}),
        },
        {"image": IMAGE, "pixels": Tensor("An image, pixels 0 to 1.", "image")},
    ),
    "words": (
        {
            "neighbours": (
                {"ids": ((1,), "i4")},
                {"neighbours": ((1, 5), "i4"), "similarity": ((1, 5), "f4")},
            ),
            "similarity": (
                {"first": ((1,), "i4"), "second": ((1,), "i4")},
                {"similarity": ((1,), "f4")},
            ),
        },
        {"ids": WORD, "first": WORD, "second": WORD, "neighbours": WORD},
    ),
}


def arrays(ports, seed):
    draw = np.random.default_rng(seed)
    return {n: draw.integers(0, 9, shape).astype(kind) for n, (shape, kind) in ports.items()}


@pytest.fixture(scope="module", params=MODELS)
def written(request, tmp_path_factory):
    """The folder of callers in all languages, of one kind of model."""
    endpoints, tensors = MODELS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    examples = {
        name: [Example(arrays(inputs, seed), arrays(outputs, seed + 9)) for seed in range(3)]
        for name, (inputs, outputs) in endpoints.items()
    }
    limits = {name: dict.fromkeys(outputs, 0.1) for name, (_, outputs) in endpoints.items()}
    golden = Golden(examples, {"model.tflite": limits})
    (folder / "golden.json").write_text(golden.to_text(), encoding="utf-8")
    metadata = Metadata(request.param, "Says what it is.", tensors=tensors)
    write_callers(folder, list(LANGUAGES), metadata, list(endpoints))
    return folder / "caller"


@pytest.mark.parametrize("language", LANGUAGES)
def test_code_parses_and_leaves_nothing_open(written, language):
    files = sorted((written / language).iterdir())
    assert len(files) == 2
    for file in files:
        assert mistakes(file) == []
        text = file.read_text(encoding="utf-8")
        assert "@@" not in text
        assert not [line for line in text.splitlines() if len(line) > 100]


def test_a_mistake_would_be_found(tmp_path):
    for name, text in {"A.kt": "fun a( {", "a.swift": "func a( {", "a.js": "export a b"}.items():
        (tmp_path / name).write_text(text)
        assert mistakes(tmp_path / name) or not shutil.which("node")


def of_texts(folder):
    ids, scores = np.zeros((1, LENGTH), "i4"), np.zeros((1, 3), "f4")
    golden = Golden({"classify": [Example({"ids": ids}, {"probabilities": scores})]}, {})
    (folder / "golden.json").write_text(golden.to_text(), encoding="utf-8")
    vocabulary = Vocabulary(WORDS)
    (folder / "vocabulary.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    metadata = Metadata("texts", "Says what it is.", tensors=MODELS["texts"][1])
    write_callers(folder, ["python", "javascript"], metadata, ["classify"])
    return vocabulary.encode(TEXTS, LENGTH).tolist()


def test_python_takes_texts_apart_as_training_did(tmp_path):
    expected = of_texts(tmp_path)
    (tmp_path / "ask.py").write_text(
        "import sys, json\n"
        f"sys.path.insert(0, {str(tmp_path / 'caller' / 'python')!r})\n"
        "import texts_model\n"
        "texts_model.Interpreter = lambda path: None\n"
        f"model = texts_model.TextsModel('none', {str(tmp_path / 'vocabulary.txt')!r})\n"
        f"print(json.dumps([model.ids(text)[0].tolist() for text in {TEXTS!r}]))\n",
        encoding="utf-8",
    )
    done = run_without_maquette(tmp_path / "ask.py")
    assert json.loads(done.stdout) == expected, done.stderr


def node(script, folder):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    (folder / "ask.mjs").write_text(script, encoding="utf-8")
    done = subprocess.run(["node", "ask.mjs"], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def as_module(folder, name):
    return shutil.copy(folder / "caller" / "javascript" / f"{name}.js", folder / f"{name}.mjs")


def test_javascript_takes_texts_apart_as_training_did(tmp_path):
    expected = of_texts(tmp_path)
    as_module(tmp_path, "textsModel")
    script = f"""
import {{ readFileSync }} from "node:fs";
import {{ TextsModel }} from "./textsModel.mjs";
const model = new TextsModel(null, null, readFileSync("vocabulary.txt", "utf-8"));
const texts = {json.dumps(TEXTS)};
console.log(JSON.stringify(texts.map((text) => Array.from(model.ids(text)))));
"""
    assert node(script, tmp_path) == expected


STUB = """
class Tensor {
  constructor(array, shape) { Object.assign(this, { array, shape }); }
  async data() { return this.array; }
  delete() {}
}
const compiled = {
  async run(name, inputs) {
    const { image } = inputs;
    if (image.array.length !== image.shape.reduce((a, b) => a * b)) throw Error("size");
    return { probabilities: new Tensor(Float32Array.of(0.1, image.array[0] / 10, 0.2), [1, 3]) };
  },
};
"""


def test_javascript_ranks_labels_and_checks_golden_vectors(tmp_path):
    labels, image = class_scores(("a", "b", "c")), np.full((1, 4, 6, 3), 7, "u1")
    scores = np.array([[0.1, 0.7, 0.2]], "f4")
    golden = Golden(
        {"classify": [Example({"image": image}, {"probabilities": scores})]},
        {"near.tflite": {"classify": {"probabilities": 1e-6}},
         "far.tflite": {"classify": {"probabilities": -1.0}}},
    )  # fmt: skip
    (tmp_path / "golden.json").write_text(golden.to_text(), encoding="utf-8")
    metadata = Metadata("pictures", tensors={"image": IMAGE, "probabilities": labels})
    write_callers(tmp_path, ["javascript"], metadata, ["classify"])
    for name in ("picturesModel", "goldenCheck"):
        as_module(tmp_path, name)
    script = f"""
import {{ readFileSync }} from "node:fs";
import {{ PicturesModel }} from "./picturesModel.mjs";
import {{ passes }} from "./goldenCheck.mjs";
{STUB}
const model = new PicturesModel(compiled, Tensor);
const found = await model.classify(new Uint8Array(72).fill(7));
const golden = JSON.parse(readFileSync("golden.json", "utf-8"));
const near = await passes(compiled, Tensor, golden, "near.tflite");
const far = await passes(compiled, Tensor, golden, "far.tflite");
console.log(JSON.stringify([found.map((each) => each.label), [near, far]]));
"""
    assert node(script, tmp_path) == [["b", "c"], [True, False]]


def test_mediapipe_takes_common_writing_apart_as_training_did():
    lines = vocabulary_lines((*RESERVED, *WORDS)).splitlines()
    ids = dict(line.split(" ") for line in lines)
    assert (ids["<PAD>"], ids["<UNKNOWN>"]) == ("0", "1")
    # TensorFlow's regular expressions are those of MediaPipe, RE2.
    apart = tf.strings.split(tf.strings.regex_replace(list(TEXTS), DELIMITER, " "))
    found = np.zeros((len(TEXTS), LENGTH), int)
    for row, words in enumerate(apart):
        for column, word in enumerate(words.numpy()[:LENGTH]):
            found[row, column] = int(ids.get(word.decode(), 1))
    np.testing.assert_array_equal(found, Vocabulary(WORDS).encode(TEXTS, LENGTH))
    # An empty match would keep MediaPipe busy for ever.
    assert not tf.strings.regex_full_match("", f"(?:{DELIMITER})")


def test_an_unknown_language_is_refused(digits_run, command):
    code, _, err = command("export", digits_run.path, "--caller", "kotlyn")
    assert code == 2
    assert "--caller takes one of javascript, kotlin, python, swift" in err
    with pytest.raises(UserError, match="no caller for 'jawa'"):
        maquette.export(digits_run, caller=["jawa"])


def test_mediapipe_files_are_for_texts(digits_run, command):
    code, _, err = command("export", digits_run.path, "--mediapipe")
    assert code == 2
    assert "--mediapipe is for classifiers of texts" in err
    assert not (digits_run.path / "export").exists()
