"""Files for MediaPipe's TextClassifier: fixed shapes, no loop, and a tokenizer."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from small_jobs import convert_here, job_of_model

from maquette.exporting import metadata
from maquette.exporting.converter import Converter
from maquette.exporting.freezing import read
from maquette.exporting.mediapipe import MEDIAPIPE
from maquette.exporting.metadata import Metadata
from maquette.exporting.workshop import Recipe, Workshop
from maquette.tasks.tensors import Tensor, class_scores

LENGTH = 5
WORDS = ("<pad>", "<unknown>", "good", "bad")


@pytest.fixture(scope="module")
def job():
    """A recurrent classifier of texts of any length, untrained."""
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(len(WORDS), 4, mask_zero=True)(ids)
    x = keras.layers.Bidirectional(keras.layers.LSTM(3))(x)
    scores = keras.layers.Dense(2, "softmax")(x)
    model = keras.Model({"ids": ids}, {"probabilities": scores})
    texts = np.random.default_rng(0).integers(1, 4, (12, LENGTH)).astype("int32")
    texts[::3, 3:] = 0
    made = job_of_model({"classify": model}, {"ids": texts}, np.zeros(12, int))
    tensors = {
        "ids": Tensor("Ids.", "words", words=WORDS, length=LENGTH),
        "probabilities": class_scores(("no", "yes")),
    }
    return replace(made, metadata=Metadata("texts", tensors=tensors))


@pytest.fixture(scope="module")
def files(job, tmp_path_factory):
    """The file for MediaPipe, and the one that takes texts of any length."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Converter, "make", convert_here)
        with Workshop(job, tmp_path_factory.mktemp("work"), 1.0) as workshop:
            made = [workshop.attempt(recipe) for recipe in (MEDIAPIPE.recipe, Recipe("float32"))]
            assert [attempt.verdict.failures for attempt in made] == [[], []]
            return [attempt.path for attempt in made]


def test_a_file_for_mediapipe_has_one_subgraph_of_fixed_shapes(files):
    written_out, loop = (read(path.read_bytes()) for path in files)
    assert (len(written_out.subgraphs), len(loop.subgraphs) > 1) == (1, True)
    (graph,) = written_out.subgraphs
    ids = graph.tensors[graph.inputs[0]]
    assert list(ids.shape) == [1, LENGTH]
    assert ids.shapeSignature is None or list(ids.shapeSignature) == [1, LENGTH]


def test_it_alone_tells_of_a_tokenizer(files):
    fixed, free = (metadata.read(path) for path in files)
    (ids,) = fixed["subgraphs"][0]["inputs"]
    assert ids["vocabulary"] == ["vocab.txt"]
    assert ids["delimiter"]
    lines = dict(line.split(" ") for line in fixed["files"]["vocab.txt"].splitlines())
    assert {lines["good"], lines["Good"], lines["GOOD"]} == {"2"}
    assert (lines["<PAD>"], lines["<UNKNOWN>"], lines["bad"]) == ("0", "1", "3")
    assert "vocabulary" not in free["subgraphs"][0]["inputs"][0]
    assert set(free["files"]) == {"labels.txt"}


def test_its_name_tells_what_it_is_for():
    assert (MEDIAPIPE.name, MEDIAPIPE.file) == ("mediapipe", "model_mediapipe.tflite")
