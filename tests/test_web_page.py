"""The web page of an export: whole, of this place alone, and reading images and words as we do."""

import base64
import io
import json
import re
import shutil
import tarfile
import urllib.request
from hashlib import sha256
from pathlib import Path
from unicodedata import ucd_3_2_0

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from test_text_vocabulary import SENTENCES, words
from web_pages import WEB, answer_of_node, stand_in

import maquette
from maquette.exporting import web_runtime
from maquette.exporting.web_runtime import find_runtime
from maquette.gallery import load_template, template_names
from maquette.images.decoding import resize
from maquette.tasks.image_task import drawing_style
from maquette.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def page(digits_run, tmp_path_factory) -> Path:
    """The page of a digit recogniser; only to be read."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        litert = stand_in(folder, patch)
        run = maquette.Run(shutil.copytree(digits_run.path, folder / "run"))
        maquette.export(run, ["float32"], demo="web", litert=litert)
    return run.path / "export" / "web"


@pytest.fixture
def litert(tmp_path, monkeypatch) -> Path:
    return stand_in(tmp_path / "npm", monkeypatch)


def demo_of(page: Path) -> dict:
    return json.loads((page / "demo.json").read_text(encoding="utf-8"))


def test_every_file_that_the_page_names_is_there(page):
    index = (page / "index.html").read_text()
    named = [*re.findall(r'(?:href|src)="(?!data:)([^"]+)"', index)]
    modules = json.loads(re.search(r'<script type="importmap">(.*?)</script>', index)[1])
    named += [*modules["imports"].values(), f"pages/{demo_of(page)['page']}.js"]
    for script in [*page.glob("*.js"), *page.glob("pages/*.js")]:
        imported = re.findall(r'(?:from|import) "(\.[^"]+)"', script.read_text())
        named += [script.parent.relative_to(page) / name for name in imported]
    named += ["demo.json", "model.tflite", *(f"litert/{name}" for name in web_runtime.SHA256)]
    assert len(named) > 15
    assert [str(name) for name in named if not (page / name).is_file()] == []


@pytest.mark.parametrize("name", template_names())
def test_the_page_of_every_task_brings_along_all_that_it_imports(name):
    web = load_template(name).TASK.web
    if web is None:
        return
    brought = {"elements.js", "fetched.js", *web.scripts}
    for script in [f"pages/{web.name}.js", *brought]:
        imported = re.findall(r'from "\.{1,2}/([^"]+)"', (WEB / script).read_text())
        assert set(imported) <= brought, script


def test_the_page_may_ask_no_other_host(page):
    index = (page / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', index)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == rules["style-src"] == "'self'"
    modules = re.search(r'<script type="importmap">(.*?)</script>', index)[1]
    digest = base64.b64encode(sha256(modules.encode()).digest()).decode()
    assert rules["script-src"].split() == ["'self'", "'wasm-unsafe-eval'", f"'sha256-{digest}'"]
    ours = [*page.glob("*.*"), *page.glob("pages/*")]
    texts = [file.read_text(encoding="utf-8") for file in ours if file.suffix != ".tflite"]
    assert not any(re.search(r"https?:|\son\w+=|\sstyle=", text) for text in texts)


def test_the_model_takes_one_image_of_fixed_size_and_answers_as_keras(page, digits_run):
    demo = demo_of(page)
    check = demo["checks"][0]
    image, expected = check["inputs"]["image"], check["outputs"]["probabilities"]
    classify = Interpreter(str(page / "model.tflite")).get_signature_runner(check["endpoint"])
    details = classify.get_input_details()["image"]
    assert [*details["shape_signature"]] == image["shape"] == [1, 8, 8, 1]
    pixels = np.frombuffer(base64.b64decode(image["base64"]), np.uint8).reshape(1, 8, 8, 1)
    keras_says = np.frombuffer(base64.b64decode(expected["base64"]), np.float32)
    np.testing.assert_allclose(classify(image=pixels)["probabilities"][0], keras_says, atol=1e-5)
    endpoint = digits_run.template.endpoints(digits_run.model)["classify"]
    again = np.asarray(endpoint.predict_on_batch({"image": pixels})["probabilities"])[0]
    np.testing.assert_allclose(keras_says, again, atol=1e-6)


def test_the_page_knows_labels_and_how_digits_are_drawn(page):
    settings = demo_of(page)["settings"]
    assert settings["labels"] == list("0123456789")
    assert settings["drawing"] == {"ink": 255, "background": 0, "extent": 1.0}


def test_drawings_take_colours_and_size_of_the_images():
    images = np.full((3, 20, 20, 1), 255, np.uint8)
    images[:, 5:15, 8:12] = 0
    assert drawing_style(images) == {"ink": 0, "background": 255, "extent": 0.5}
    assert drawing_style(np.zeros((2, 8, 8, 1), np.uint8))["extent"] == 1
    assert drawing_style(np.zeros((2, 8, 8, 3), np.uint8)) is None


def test_the_page_takes_a_text_apart_as_training_does(tmp_path):
    # What came after Unicode 3.2 may be unknown to one side.
    letters = [c for c in map(chr, range(0x110000)) if ucd_3_2_0.category(c) not in ("Cn", "Cs")]
    texts = SENTENCES + [f"A{c}b" for c in letters if ucd_3_2_0.category(c) != "Co"]
    script = "const { splitWords } = await import(`${web}/words.js`); return given.map(splitWords);"
    found = answer_of_node(script, texts, tmp_path)
    expected = words(texts)
    assert [t for t, ours, js in zip(texts, expected, found, strict=True) if ours != js] == []


def test_the_page_numbers_words_as_training_does(tmp_path):
    vocabulary = Vocabulary(("the", "film", "constructor"))
    texts = ["The film: the FILM, the film", "good film", "", "constructor toString"]
    script = (
        "const { Vocabulary } = await import(`${web}/words.js`);"
        "const vocabulary = new Vocabulary(given.vocabulary);"
        "return given.texts.map((text) => vocabulary.encode(text, 4));"
    )
    given = {"vocabulary": vocabulary.to_text(), "texts": texts}
    assert answer_of_node(script, given, tmp_path) == vocabulary.encode(texts, 4).tolist()


@pytest.mark.parametrize("size", [(50, 37), (31, 90), (9, 9), (8, 8), (300, 200)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_page_crops_and_resizes_as_training_does(tmp_path, size, channels):
    width, height = size
    coarse = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    opaque = np.concatenate([pixels, np.full((height, width, 1), 255, np.uint8)], -1)
    script = (
        "const { fit, withChannels } = await import(`${web}/resize.js`);"
        "const image = { ...given.image, data: Uint8ClampedArray.from(given.image.data) };"
        "return [...withChannels(fit(image, 16, 12), given.channels)];"
    )
    image = {"width": width, "height": height, "data": opaque.ravel().tolist()}
    found = answer_of_node(script, {"image": image, "channels": channels}, tmp_path)
    expected = resize(pixels, (12, 16, channels)).astype(int).ravel()
    # Pillow rounds between its passes, and does not always begin with the same axis.
    assert np.abs(expected - found).max() <= 1


def test_a_page_whose_model_fails_is_left_out_and_told(copied_run, litert, monkeypatch, command):
    monkeypatch.setattr("maquette.exporting.workshop.Workshop.make", lambda *_: "crashed")
    words = ("--formats", "saved_model", "--demo", "web", "--litert", litert)
    told = command("export", copied_run.path, *words)
    assert told.code == 1
    assert told.err == "maquette: not exported, web page: crashed\n"
    assert "http.server" not in told.out
    written = {path.name for path in (copied_run.path / "export").iterdir()}
    assert written == {"saved_model", "labels.txt", "export.json", "golden.json"}


def test_a_page_without_litert_is_refused_before_any_work(digits_run, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(maquette.UserError, match=r"needs LiteRT.js .*--download fetches it once"):
        maquette.export(digits_run, demo="web")
    assert not (digits_run.path / "export").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"demo": "wbe"}, "no demo 'wbe'; there is web"),
        ({"litert": "npm"}, "--litert and --download are for the web page: add --demo web"),
        ({"download": True}, "add --demo web"),
        ({"demo": "web", "litert": "nowhere"}, 'no LiteRT.js in nowhere; run "npm install'),
    ],
)
def test_a_page_that_cannot_be_made_is_refused(digits_run, options, message):
    with pytest.raises(maquette.UserError, match=re.escape(message)):
        maquette.export(digits_run, **options)
    assert not (digits_run.path / "export").exists()


def test_a_task_without_a_page_is_refused(digits_run, monkeypatch, litert):
    monkeypatch.setattr(type(digits_run.template.TASK), "web", None)
    with pytest.raises(maquette.UserError, match="no web page for runs of mlp yet"):
        maquette.export(digits_run, demo="web", litert=litert)


def test_litert_is_found_wherever_in_the_folder_of_npm(litert):
    modules = litert / "node_modules"
    places = [litert, modules, modules / "@litertjs", modules / "@litertjs" / "core"]
    assert [find_runtime(place) for place in places] == [modules / "@litertjs"] * 4


def test_another_version_of_litert_is_refused(litert):
    (litert / "node_modules/@litertjs/core/dist/index.js").write_text("// newer")
    with pytest.raises(maquette.UserError, match=r"index.js is not that of LiteRT.js 2.5.3; run"):
        find_runtime(litert)


def archives(litert: Path, monkeypatch) -> list[str]:
    """Have the registry answer with what is in a folder, and return the addresses asked for."""
    asked = []

    def answer(url, timeout):
        asked.append(url)
        package = url.split("/@litertjs/")[1].split("/")[0]
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            archive.add(litert / "node_modules" / "@litertjs" / package, "package")
        return io.BytesIO(content.getvalue())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    return asked


def test_litert_is_downloaded_once_and_kept(litert, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    asked = archives(litert, monkeypatch)
    kept = find_runtime(download=True)
    assert kept == tmp_path / "keras" / "litertjs-2.5.3"
    assert find_runtime() == find_runtime(download=True) == kept
    assert len(asked) == 2
    (kept / "wasm-utils/dist/index.js").write_text("// changed")
    with pytest.raises(maquette.UserError, match=r"delete .*litertjs-2.5.3 and use --download"):
        find_runtime()


def test_a_download_of_something_else_is_refused_and_not_kept(litert, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    archives(litert, monkeypatch)
    (litert / "node_modules/@litertjs/wasm-utils/dist/index.js").write_text("// evil")
    with pytest.raises(maquette.UserError, match=r"as downloaded is not that of LiteRT.js 2.5.3"):
        find_runtime(download=True)
    assert [*(tmp_path / "keras").iterdir()] == []


def test_a_download_without_a_network_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def unreachable(url, timeout):
        raise OSError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    with pytest.raises(
        maquette.UserError, match=r"cannot download https://registry.npmjs.org/.*no"
    ):
        find_runtime(download=True)
