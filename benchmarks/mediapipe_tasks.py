"""Do MediaPipe Tasks give the same class as Keras, for our image and text classifiers?

MediaPipe needs an environment of its own, so there are two steps. Where maquette is installed:

    maquette export RUN                  (an image classifier of colour images), or
    maquette export RUN --mediapipe      (a text classifier)
    python benchmarks/mediapipe_tasks.py write RUN inputs/

Then where MediaPipe is:

    python3 -m venv mp && mp/bin/pip install "mediapipe==1.2.*"
    mp/bin/python benchmarks/mediapipe_tasks.py check inputs/

It prints for each file on how many of 100 test examples (validation ones, where
there are no others) both name the same class.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES = 100


def write(run_folder: str, folder: Path) -> None:
    """Write test examples as they are, Keras' answers to them, and the exported files."""
    import maquette
    from maquette.evaluation import open_run_data

    run = maquette.Run(run_folder)
    data = open_run_data(run)
    split = "test" if "test" in data.splits else "validation"
    probe = run.task.probes(run, data, split, EXAMPLES)["classify"]
    outputs = run.template.endpoints(run.model)["classify"].predict(probe.inputs, verbose=0)
    answers = {"labels": run.description.classes, "scores": outputs["probabilities"].tolist()}
    folder.mkdir(parents=True)
    if "image" in probe.inputs:
        np.save(folder / "images.npy", probe.inputs["image"])
    else:
        whole = data.splits[split]
        chosen = np.linspace(0, len(whole) - 1, len(answers["scores"])).astype(int)
        answers["texts"] = list(whole.subset(chosen).texts)
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    for file in (run.path / "export").glob("*.tflite"):
        shutil.copy(file, folder)


def check(folder: Path) -> None:
    """Print how often MediaPipe names the class that Keras names."""
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    expected = np.array(answers["scores"])
    for file in sorted(folder.glob("*.tflite")):
        try:
            found = classes(file, folder, answers)
        except (ValueError, RuntimeError) as error:
            print(f"{file.name}: refused: {str(error).splitlines()[0]}")
            continue
        same = sum(
            name == answers["labels"][best]
            for (name, _), best in zip(found, expected.argmax(-1), strict=True)
        )
        away = np.array([score for _, score in found]) - expected.max(-1)
        print(
            f"{file.name}: same class {same} of {len(found)}; "
            f"score differs by {np.abs(away).max():.4f}, median {np.median(np.abs(away)):.6f}"
        )


def classes(file: Path, folder: Path, answers: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the best class of each example and its score, as MediaPipe gives them."""
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions, text, vision

    options = BaseOptions(model_asset_path=str(file))
    if "texts" in answers:
        settings = text.TextClassifierOptions(base_options=options)
        with text.TextClassifier.create_from_options(settings) as classifier:
            return [best(classifier.classify(each)) for each in answers["texts"]]
    images = np.load(folder / "images.npy")
    settings = vision.ImageClassifierOptions(base_options=options)
    with vision.ImageClassifier.create_from_options(settings) as classifier:
        return [
            best(classifier.classify(Image(image_format=ImageFormat.SRGB, data=image)))
            for image in images
        ]


def best(result: Any) -> tuple[str, float]:
    """Return label and score of the first class of a result."""
    category = result.classifications[0].categories[0]
    return category.category_name, category.score


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], Path(sys.argv[3]))
    else:
        check(Path(sys.argv[2]))
