"""Ten epochs of a new head: features kept (ours) against the backbone in every epoch.

The Keras guide on transfer learning freezes the backbone, puts it into the model, and sends every
image through it in every epoch. `maquette train transfer` sends each image through it once. Both
train the same head on the same backbone, images, batch size and number of epochs; images are
decoded once and kept in memory for both; both times run from the folder of images to the trained
head, validation after each epoch included. The step size and the loss are each one's defaults.

    python benchmarks/transfer.py FOLDER [--backbone efficientnet_lite0] [--epochs 10]

Peer: https://keras.io/guides/transfer_learning/
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from maquette.quiet import load_tensorflow

load_tensorflow()

import keras  # noqa: E402

from maquette.backbones.catalogue import BACKBONES, build_backbone  # noqa: E402
from maquette.backbones.weights import load_weights  # noqa: E402
from maquette.fitting import fit_stages  # noqa: E402
from maquette.gallery import load_template  # noqa: E402
from maquette.run import Run, new_record  # noqa: E402

SEED = 0


def guide(folder: Path, backbone: str, epochs: int, augment: bool) -> float:
    """Train as the Keras guide does, and return the best validation accuracy."""
    size = BACKBONES[backbone].default_size
    train, validation = (
        keras.utils.image_dataset_from_directory(
            folder / split, image_size=(size, size), batch_size=32, seed=SEED, verbose=False
        ).cache()
        for split in ("train", "val")
    )
    base = build_backbone(backbone, (size, size, 3))
    load_weights(base, backbone, "imagenet")
    base.trainable = False
    inputs = keras.Input((size, size, 3))
    x = inputs
    if augment:
        x = keras.layers.RandomFlip("horizontal")(x)
        x = keras.layers.RandomRotation(0.1)(x)
    x = base(x, training=False)
    x = keras.layers.Dropout(0.2)(x)
    classes = sum(path.is_dir() for path in (folder / "train").iterdir())
    model = keras.Model(inputs, keras.layers.Dense(classes)(x))
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(
        train.prefetch(2), validation_data=validation.prefetch(2), epochs=epochs, verbose=0
    )
    return max(history.history["val_accuracy"])


def ours(folder: Path, backbone: str, epochs: int) -> float:
    """Train the head stage of `transfer`, and return the best validation accuracy."""
    template = load_template("transfer")
    config = template.Config(backbone=backbone, head_epochs=epochs, epochs=0, patience=epochs)
    data = template.TASK.open(str(folder), config)
    model = template.build(config, data)
    template.pretrained(model, config, data)
    with tempfile.TemporaryDirectory() as out:
        run = Run.create(out, "transfer", "benchmark", _record(template, config, data))
        fit_stages(run, template, config, model, data, SEED)
        return max(row["val_accuracy"] for row in run.history)


def _record(template, config, data) -> dict:
    described = {
        "source": data.source,
        "fingerprint": data.fingerprint,
        "sizes": {},
        "description": template.TASK.describe(data),
    }
    return new_record(
        "transfer", template.TASK.name, SEED, described, config.model_dump(mode="json")
    )


def timed(function, *arguments) -> tuple[float, float]:
    """Return the seconds a call took, and what it returned."""
    keras.utils.set_random_seed(SEED)
    began = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - began, result


def main() -> None:
    """Run all ways in one go and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder with train/ and val/ inside")
    parser.add_argument("--backbone", default="efficientnet_lite0", choices=list(BACKBONES))
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    common = (arguments.folder, arguments.backbone, arguments.epochs)

    own_seconds, own_accuracy = timed(ours, *common)
    for augment in (True, False):
        seconds, accuracy = timed(guide, *common, augment)
        print(
            f"guide, {'with' if augment else 'without'} its augmentation: {seconds:.1f} s, "
            f"accuracy {accuracy:.4f}; ours: {own_seconds:.1f} s, accuracy {own_accuracy:.4f}; "
            f"ratio {seconds / own_seconds:.1f}"
        )


if __name__ == "__main__":
    main()
