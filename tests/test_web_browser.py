"""The web page in a real browser: to what is drawn, dropped and typed, it answers as Keras does.

These tests need Chromium, Playwright for Python and LiteRT.js as `--download` keeps it, or in the
folder of npm that MAQUETTE_LITERT names.
"""

import math
import os
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import keras
import numpy as np
import pytest
from PIL import Image

import maquette
from maquette.exporting.web_runtime import find_runtime

TOLERANCE = 1e-3
SMALL = {
    "mlp": {"data": "digits", "hidden_units": (128,), "epochs": 12},
    "bilstm": {"data": "bbc_news", "units": 8, "length": 20, "vocabulary_size": 2000, "epochs": 1},
    "vae": {
        "data": "digits", "latent_dim": 3, "filters": (8, 8), "hidden_units": 16, "epochs": 4,
        "importance_samples": 0,
    },
    "siamese": {
        "data": "digits", "filters": (8, 8), "embedding_dim": 8, "epochs": 1, "trials": 10,
    },
    "word2vec": {"data": "bbc_news", "embedding_dim": 8, "min_count": 20, "epochs": 1},
}  # fmt: skip


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Shown:
    """A run's page in the browser, and the run."""

    def __init__(self, run, browser, server):
        self.run = run
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page = browser.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(server)
        self.page.wait_for_selector("#status.good, #status.bad", timeout=120_000)

    def answer(self, endpoint: str, **inputs) -> dict[str, np.ndarray]:
        """Return what Keras says to one example."""
        model = self.run.template.endpoints(self.run.model)[endpoint]
        tensors = {name: keras.ops.convert_to_tensor(value) for name, value in inputs.items()}
        return {k: np.asarray(v)[0] for k, v in model.predict_on_batch(tensors).items()}

    def probabilities(self) -> dict[str, float]:
        """Return what the bars show, once they have moved."""
        self.page.wait_for_selector(".bars li[data-name]")
        self.page.wait_for_timeout(400)
        items = self.page.locator(".bars li").evaluate_all(
            "items => items.map(item => [item.dataset.name, Number(item.dataset.probability)])"
        )
        return dict(items)

    def pixels(self, canvas: str) -> np.ndarray:
        """Return the red of a canvas, which is the grey of a grey picture."""
        values = self.page.locator(canvas).evaluate(
            "c => [c.height, c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height)"
            ".data.filter((_, i) => i % 4 === 0)]"
        )
        return np.array(values[2:], np.uint8).reshape(values[:2])

    def drop(self, file: Path, place: str = ".drop") -> None:
        """Drop a file from the desktop on the page."""
        script = """bytes => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(bytes)], "dropped.png"));
            return files;
        }"""
        files = self.page.evaluate_handle(script, list(file.read_bytes()))
        for event in ("dragover", "drop"):
            self.page.locator(place).dispatch_event(event, {"dataTransfer": files})

    def draw(self, *strokes: list[tuple[float, float]]) -> None:
        """Draw lines with the mouse; points are shares of the pad's width and height."""
        self.page.get_by_role("button", name="Wipe").click()
        box = self.page.locator("canvas.pad").bounding_box()
        for stroke in strokes:
            points = [
                (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
            ]
            self.page.mouse.move(*points[0])
            self.page.mouse.down()
            for point in points[1:]:
                self.page.mouse.move(*point, steps=4)
            self.page.mouse.up()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright for Python")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as driver:
        # Its camera shows a moving pattern, and nobody is asked whether it may.
        fakes = [f"--use-fake-{part}-for-media-stream" for part in ("device", "ui")]
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", *fakes])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def litert() -> Path:
    try:
        return find_runtime(os.environ.get("MAQUETTE_LITERT"))
    except maquette.UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=["mlp"])
def shown(request, browser, litert, tmp_path_factory):
    """The page of a small run, by template; what it asked for is looked at when it is closed."""
    run = maquette.train(request.param, out=tmp_path_factory.mktemp("runs"), **SMALL[request.param])
    maquette.export(run, ["float32"], max_drop=1, demo="web", litert=litert)
    handler = partial(Quiet, directory=str(run.path / "export" / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opened = Shown(run, browser, f"http://127.0.0.1:{server.server_port}/")
        yield opened
        opened.page.close()
        server.shutdown()
    assert {urlsplit(url).hostname for url in opened.requests} == {"127.0.0.1"}
    assert opened.errors == []


def only_for(template: str):
    return pytest.mark.parametrize("shown", [template], indirect=True)


@pytest.mark.parametrize("shown", SMALL, indirect=True)
def test_every_page_shows_itself_and_agrees_with_keras(shown):
    assert shown.page.locator("#status").get_attribute("class") == "good"
    assert shown.page.locator("main section").count() >= 2
    assert shown.page.locator("main").get_attribute("aria-busy") is None


@only_for("mlp")
def test_digits_drawn_with_the_mouse_are_recognised(shown):
    circle = [(0.5 + 0.2 * math.sin(a / 4), 0.5 - 0.35 * math.cos(a / 4)) for a in range(26)]
    three = [(0.3, 0.2), (0.5, 0.12), (0.68, 0.3), (0.45, 0.5), (0.7, 0.7), (0.5, 0.88), (0.3, 0.8)]
    four = [[(0.55, 0.12), (0.25, 0.6), (0.78, 0.6)], [(0.58, 0.35), (0.58, 0.9)]]
    for digit, strokes in {"0": [circle], "3": [three], "4": four}.items():
        shown.draw(*strokes)
        probabilities = shown.probabilities()
        assert max(probabilities, key=probabilities.get) == digit
        seen = shown.pixels("#seen")
        expected = shown.answer("classify", image=seen[None, :, :, None])["probabilities"]
        for label, probability in probabilities.items():
            assert probability == pytest.approx(expected[int(label)], abs=TOLERANCE)


@only_for("mlp")
def test_an_image_dropped_on_the_page_is_read_as_from_the_command_line(shown, tmp_path):
    file, rng = tmp_path / "drawn.png", np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    coarse.resize((40, 30), Image.Resampling.BICUBIC).save(file)
    shown.drop(file)
    shown.page.get_by_text("dropped.png").wait_for()
    probabilities = shown.probabilities()
    seen = shown.pixels("#seen")
    expected = shown.answer("classify", image=seen[None, :, :, None])["probabilities"]
    assert list(probabilities.values()) == pytest.approx(sorted(expected)[::-1], abs=TOLERANCE)
    (row,) = maquette.predict(shown.run, [file])
    assert next(iter(probabilities)) == row["class"]
    assert probabilities[row["class"]] == pytest.approx(row["probability"], abs=0.02)


@only_for("mlp")
def test_an_image_of_the_right_size_gives_the_very_values_of_predict(shown, tmp_path):
    file = tmp_path / "small.png"
    Image.fromarray((np.arange(64) * 4).astype(np.uint8).reshape(8, 8)).save(file)
    shown.page.locator("input[type=file]").set_input_files(file)
    shown.page.get_by_text("small.png").wait_for()
    (row,) = maquette.predict(shown.run, [file])
    probabilities = shown.probabilities()
    for label, probability in row["top"].items():
        assert probabilities[label] == pytest.approx(probability, abs=TOLERANCE)


@only_for("mlp")
def test_a_file_that_is_no_image_is_told(shown, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("no image")
    shown.page.locator("input[type=file]").set_input_files(file)
    told = shown.page.get_by_text("notes.txt is no image that this browser reads")
    told.wait_for()
    assert told.count() == 1


@only_for("mlp")
def test_what_the_camera_sees_is_classified_until_it_is_switched_off(shown):
    shown.page.get_by_role("button", name="Wipe").click()
    shown.page.get_by_role("button", name="Camera").click()
    assert len(shown.probabilities()) == 10
    seen = shown.pixels("#seen")
    assert np.ptp(seen) > 50
    shown.page.get_by_role("button", name="Camera off").click()
    assert shown.page.locator("video").is_hidden()
    shown.page.get_by_role("button", name="Camera", exact=True).wait_for()


@only_for("bilstm")
def test_a_typed_sentence_is_classified_as_by_predict(shown, tmp_path):
    sentence = (
        "The minister\u2019s \u0130stanbul talks: won't \u201cend\u201d before the cup final."
    )
    shown.page.get_by_label("Text").press_sequentially(sentence)
    probabilities = shown.probabilities()
    (tmp_path / "text.txt").write_text(sentence, encoding="utf-8")
    (row,) = maquette.predict(shown.run, [tmp_path / "text.txt"])
    for label, probability in row["top"].items():
        assert probabilities[label] == pytest.approx(probability, abs=TOLERANCE)
    shown.page.get_by_label("Text").fill("...")
    shown.page.get_by_text("Nothing yet.").wait_for()


@only_for("vae")
def test_a_slider_changes_the_picture_and_the_grid(shown):
    script = """async noise => [...(await window.model.run("generate",
        { noise: { type: "float32", shape: [1, noise.length], values: noise } })).pixels]"""
    shown.page.get_by_role("button", name="All to zero").click()
    shown.page.wait_for_timeout(1500)
    before = shown.pixels("#picture"), shown.pixels("#grid")
    shown.page.locator("#noise-2").fill("1.5")
    shown.page.wait_for_timeout(1500)
    assert (shown.pixels("#picture") != before[0]).any()
    assert (shown.pixels("#grid") != before[1]).any()
    noise = np.array([[0, 0, 1.5]], np.float32)
    expected = shown.answer("generate", noise=noise)["pixels"]
    received = shown.page.evaluate(script, noise[0].tolist())
    np.testing.assert_allclose(received, expected.ravel(), atol=TOLERANCE)
    np.testing.assert_allclose(shown.pixels("#picture"), 255 * expected[..., 0], atol=1)
    side = expected.shape[0]
    middle = shown.pixels("#grid")[3 * side : 4 * side, 3 * side : 4 * side]
    np.testing.assert_allclose(middle, 255 * expected[..., 0], atol=1)


@only_for("siamese")
def test_two_dropped_images_are_compared_as_by_predict(shown, tmp_path):
    files = [tmp_path / "first.png", tmp_path / "second.png"]
    for file, seed in zip(files, (1, 2), strict=True):
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    shown.drop(files[0], "#image_a .drop")
    shown.drop(files[1], "#image_b .drop")
    numbers = shown.page.locator("#numbers[data-probability]")
    numbers.wait_for()
    (row,) = maquette.predict(shown.run, files)
    for name in ("probability", "distance"):
        told = float(numbers.get_attribute(f"data-{name}"))
        assert told == pytest.approx(row[name], abs=TOLERANCE)
    verdict = shown.page.locator("#verdict").inner_text()
    assert verdict == ("The same" if row["same"] else "Different")


@only_for("word2vec")
def test_the_nearest_words_of_a_typed_word_are_those_of_keras(shown):
    shown.page.get_by_label("Word", exact=True).fill("Film")
    shown.page.wait_for_selector("#neighbours li")
    words = [text.split()[0] for text in shown.page.locator("#neighbours li").all_inner_texts()]
    vocabulary = shown.run.description.vocabulary
    (number,) = vocabulary.encode(["film"], 1)[0]
    expected = shown.answer("neighbours", ids=np.array([number], np.int32))["neighbours"]
    entries = ["<pad>", "<unknown>", *vocabulary.words]
    assert words == [entries[index] for index in expected]
    shown.page.get_by_label("Word", exact=True).fill("qwertyzzz")
    shown.page.get_by_text("not in the vocabulary: qwertyzzz").wait_for()
