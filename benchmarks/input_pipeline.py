"""Images per second through our pipeline against `keras.utils.image_dataset_from_directory`.

The same photos come out at 224 by 224 in shuffled batches of 32; nothing is done with them. A cold
start finds no cache, and its time runs from the opening of the folder to the end of the first
epoch, so that ours holds the inspection and the writing of the cache. Warm are the epochs after it.
`again` is the first epoch of the next command, from opening, which finds the cache of the one
before. Keras is used as its guides do, with and without `.cache()`. Each way runs in a process of
its own, which has gone through a few other images before, so that nothing is imported or traced in
the time that counts; the files themselves are in the system's memory.

Seconds are those of the clock and of all processors; where other work runs beside, the second ones
tell more. Then the share of time for which a fine-tuning of `transfer` waits for its data.

    python benchmarks/input_pipeline.py [FOLDER ...] [--rounds 3] [--waiting FOLDER]

FOLDER has one sub-folder of photos for each class, for --waiting as `maquette train` takes it.
Without one, photos of three sizes are made from the two that scikit-learn brings.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

SIDE, BATCH, SEED = 224, 32, 0
WARM_EPOCHS = 4
SIZES = {(500, 375): 1000, (1600, 1200): 200, (4000, 3000): 40}
WAYS = ("keras", "keras .cache()", "ours", "ours again")


def make_photos(folder: Path, size: tuple[int, int], count: int) -> Path:
    """Write parts of real photos, enlarged and as noisy as those of a camera."""
    from sklearn.datasets import load_sample_images

    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    random = np.random.default_rng(SEED)
    for index in range(count):
        photo = photos[index % len(photos)]
        width = random.uniform(0.5, 1) * photo.width
        height = min(width * size[1] / size[0], photo.height)
        left, top = random.uniform(0, (photo.width - width, photo.height - height))
        box = (left, top, left + width, top + height)
        pixels = np.asarray(photo.resize(size, Image.Resampling.BICUBIC, box), np.float32)
        pixels = pixels + random.normal(0, 3, (size[1], size[0], 1))
        path = folder / "ab"[index % 2] / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return folder


def of_keras(folder: Path, cached: bool) -> Iterable:
    """Return the batches of one epoch, anew each time they are gone through."""
    import keras
    import tensorflow as tf

    photos = keras.utils.image_dataset_from_directory(
        folder, image_size=(SIDE, SIDE), batch_size=BATCH, seed=SEED, verbose=False
    )
    return (photos.cache() if cached else photos).prefetch(tf.data.AUTOTUNE)


def ours(folder: Path) -> Iterable:
    """Return the same of our pipeline, as a training has it."""
    from maquette.datasets import image_folder
    from maquette.images.sized_images import SizedImages
    from maquette.pipeline import Examples

    shape = (SIDE, SIDE, 3)
    split = image_folder.load(str(folder), open_set=True, shape=shape).splits["train"]
    examples = Examples(SizedImages(split, shape), split.labels).kept("reading")
    return examples.shuffled(BATCH, SEED).take(examples.steps(BATCH))


@dataclass
class Clock:
    """Time since it was made, on the wall and of the processors of this process."""

    def __post_init__(self):
        self.began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self.began[0], time.process_time() - self.began[1]


def measure(way: str, folder: Path) -> dict[str, Any]:
    """Time the epochs of one way in this process."""
    opened: dict[str, Callable[[], Iterable]] = {
        "keras": lambda: of_keras(folder, cached=False),
        "keras .cache()": lambda: of_keras(folder, cached=True),
        "ours": lambda: ours(folder),
        "ours again": lambda: ours(folder),
    }
    with tempfile.TemporaryDirectory() as few:
        _go_through(ours(make_photos(Path(few), (40, 30), 16)))
        _go_through(of_keras(Path(few), cached=False))
    clock = Clock()
    batches = opened[way]()
    images = _go_through(batches)
    first = clock.read()
    warm = []
    for _ in range(WARM_EPOCHS):
        clock = Clock()
        _go_through(batches)
        warm.append(clock.read())
    return {
        "images": images,
        "first": first,
        "warm": [median(part) for part in zip(*warm, strict=True)],
    }


def _go_through(batches: Iterable) -> int:
    return sum(len(labels) for _, labels in batches)


def compare(folder: Path, rounds: int) -> None:
    """Run all ways in turn, each in a process of its own, and print what they came to."""
    seen: dict[str, list[dict]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for way in WAYS:
                environment = {**os.environ, "MAQUETTE_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"}
                command = [sys.executable, __file__, str(folder), "--way", way]
                done = subprocess.run(command, env=environment, capture_output=True, text=True)
                if done.returncode:
                    sys.exit(done.stderr)
                seen[way].append(json.loads(done.stdout.splitlines()[-1]))
    count = seen["keras"][0]["images"]
    print(f"\n{folder}: {count} photos, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'':16}{'images/s':>10}{'':>10}  {'ms of processors per image':>20}")
    print(f"{'':16}{'first':>10}{'warm':>10}{'first':>12}{'warm':>10}")
    table = {}
    for way, runs in seen.items():
        first, warm = (np.median([run[part] for run in runs], axis=0) for part in ("first", "warm"))
        wall = count / first[0], count / warm[0]
        cpu = 1e3 * first[1] / count, 1e3 * warm[1] / count
        print(f"{way:16}{wall[0]:10.0f}{wall[1]:10.0f}{cpu[0]:12.2f}{cpu[1]:10.3f}")
        table[way] = first, warm
    _print_ratios(table)


def _print_ratios(table: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Print how many times as fast ours is, by the clock and by processors."""
    keras, cached, own, again = (table[way] for way in WAYS)
    epochs = 1 + WARM_EPOCHS
    ratios = {
        "cold, first epoch": keras[0] / own[0],
        f"cold, {epochs} epochs": (keras[0] + WARM_EPOCHS * keras[1])
        / (own[0] + WARM_EPOCHS * own[1]),
        "warm": keras[1] / own[1],
        "next command, first epoch": keras[0] / again[0],
        "cold, first epoch, against .cache()": cached[0] / own[0],
        "warm, against .cache()": cached[1] / own[1],
    }
    for what, (clock, processors) in ratios.items():
        print(f"{what:36} {clock:8.2f} times by the clock, {processors:8.2f} by processors")


def waiting(folder: Path) -> float:
    """Return the share of its time for which a fine-tuning of `transfer` waits for data."""
    import keras
    import tensorflow as tf

    from maquette.fitting import fit_stages
    from maquette.gallery import load_template
    from maquette.pipeline import Examples
    from maquette.run import Run
    from maquette.run_training import record_of

    seconds = {"waited": 0.0, "trained": 0.0}

    class Timed(Examples):
        """Examples whose training batches are asked for one by one, by the clock."""

        def shuffled(self, *args: Any, **kwargs: Any) -> tf.data.Dataset:
            batches = super().shuffled(*args, **kwargs)

            def timed() -> Iterable:
                began = time.perf_counter()
                for batch in batches:
                    seconds["waited"] += time.perf_counter() - began
                    yield batch
                    began = time.perf_counter()

            return tf.data.Dataset.from_generator(timed, output_signature=batches.element_spec)

    class Training(keras.callbacks.Callback):
        """Add up the time from the beginning of an epoch to the end of its last step."""

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            seconds["trained"] += time.perf_counter() - self.began
            self.began = time.perf_counter()

    template = load_template("transfer")

    def stages(model: keras.Model, config: Any, data: Any) -> Iterable:
        for stage in template.stages(model, config, data):
            if stage.name == "fine_tune":
                callbacks = [*stage.callbacks, Training()]
                timed = lambda examples: Timed(**vars(examples))  # noqa: E731
                stage = replace(stage, examples=timed, callbacks=callbacks)
            yield stage

    config = template.Config()
    data = template.TASK.open(str(folder), config)
    keras.utils.set_random_seed(SEED)
    model = template.build(config, data)
    template.pretrained(model, config, data)
    with tempfile.TemporaryDirectory() as out:
        run = Run.create(Path(out), "transfer", None, record_of(template, config, data, SEED), {})
        fit_stages(run, replace(template, stages=stages), config, model, data, SEED)
    return seconds["waited"] / seconds["trained"]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--waiting", type=Path, metavar="FOLDER")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.folders[0])))
        return
    if options.waiting:
        print(f"waiting for data: {waiting(options.waiting):.1%} of the fine-tuning's time")
        return
    with tempfile.TemporaryDirectory() as made:
        folders = options.folders or [
            make_photos(Path(made) / f"{width}x{height}", (width, height), count)
            for (width, height), count in SIZES.items()
        ]
        for folder in folders:
            compare(folder, options.rounds)


if __name__ == "__main__":
    main()
