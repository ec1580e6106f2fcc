"""Digits drawn by `dcgan` (ours) and by the Keras example of a DCGAN: speed, distance, classes.

The example overrides `train_step` with two gradient tapes, one for each network, and passes noise
through the generator twice. Its layers, losses, label noise and optimizers are kept. It was made
for photographs of 64x64 pixels, so for 28x28 its generator starts at 7x7 in place of 8x8, its
images have one channel in place of three, and of its three doublings of the size two remain:
those with 128 and 256 filters. (`--third` keeps the one with 512 at stride 1, which makes a step
many times slower.) Its data are divided by 255 in the graph.

Both train by `fit` on the same batches of the same size for as many updates of the generator.
Steps per second are the median of short alternating rounds. A classifier's run judges samples of
both: its features give the Fréchet distance to as many test images, its classes the shares.

    maquette train cnn --data MNIST --epochs 2 --rotation 0 --shift 0 --zoom 0
    python benchmarks/dcgan.py MNIST --judge saved_models/cnn/RUN [--updates 3000]

Peer: https://keras.io/examples/generative/dcgan_overriding_train_step/
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from maquette.quiet import load_tensorflow

load_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402

from maquette.gallery import load_template  # noqa: E402
from maquette.generation.frechet import frechet_distance  # noqa: E402
from maquette.generation.judge import Judge  # noqa: E402
from maquette.images.data import ImageData  # noqa: E402
from maquette.run import Run  # noqa: E402
from maquette.tasks.image_generation import as_bytes, draw  # noqa: E402

SEED, LATENT, SAMPLES = 0, 128, 2000
ROUNDS, ROUND_STEPS = 3, 20


def example_discriminator() -> keras.Model:
    """Return the example's discriminator: images in 0..1 to the probability of a generated one."""
    chain: list = [keras.Input((28, 28, 1))]
    for filters in (64, 128, 128):
        chain.append(layers.Conv2D(filters, kernel_size=4, strides=2, padding="same"))
        chain.append(layers.LeakyReLU(negative_slope=0.2))
    chain += [layers.Flatten(), layers.Dropout(0.2), layers.Dense(1, activation="sigmoid")]
    return keras.Sequential(chain)


def example_generator(third: bool) -> keras.Model:
    """Return the example's generator: noise to images in 0..1."""
    chain: list = [keras.Input((LATENT,)), layers.Dense(7 * 7 * 128), layers.Reshape((7, 7, 128))]
    for filters, strides in ((128, 2), (256, 2)) + ((512, 1),) * third:
        chain.append(layers.Conv2DTranspose(filters, 4, strides=strides, padding="same"))
        chain.append(layers.LeakyReLU(negative_slope=0.2))
    chain.append(layers.Conv2D(1, kernel_size=5, padding="same", activation="sigmoid"))
    return keras.Sequential(chain)


class Example(keras.Model):
    """The example's training: generated images have the label 1, real ones 0."""

    def __init__(self, third: bool):
        super().__init__()
        self.generator, self.discriminator = example_generator(third), example_discriminator()
        self.cross_entropy = keras.losses.BinaryCrossentropy()
        self.optimizers = [keras.optimizers.Adam(1e-4) for _ in range(2)]
        self.trackers = [keras.metrics.Mean(name=name) for name in ("d_loss", "g_loss")]

    def train_step(self, data):
        real = tf.cast(data[0], tf.float32) / 255
        count = tf.shape(real)[0]
        generated = self.generator(tf.random.normal((count, LATENT)))
        labels = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], axis=0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            answers = self.discriminator(tf.concat([generated, real], axis=0), training=True)
            d_loss = self.cross_entropy(labels, answers)
        self._update(self.optimizers[0], tape, d_loss, self.discriminator)
        with tf.GradientTape() as tape:
            generated = self.generator(tf.random.normal((count, LATENT)), training=True)
            answers = self.discriminator(generated, training=True)
            g_loss = self.cross_entropy(tf.zeros((count, 1)), answers)
        self._update(self.optimizers[1], tape, g_loss, self.generator)
        for tracker, loss in zip(self.trackers, (d_loss, g_loss), strict=True):
            tracker.update_state(loss)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    @staticmethod
    def _update(optimizer, tape, loss, network):
        weights = network.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)

    def draw(self, count: int) -> np.ndarray:
        """Return images in 0..1 from noise that is the same each time."""
        noise = np.random.default_rng(1).normal(size=(count, LATENT)).astype(np.float32)
        return self.generator.predict(noise, batch_size=100, verbose=0)


def batches(data: ImageData, batch_size: int) -> Callable[[keras.Model, int], float]:
    """Return a function that goes on training a model and returns the seconds it took."""
    images = tf.convert_to_tensor(data.splits["train"].images)

    def fit(model: keras.Model, steps: int) -> float:
        order = tf.data.Dataset.range(len(images)).shuffle(len(images), seed=SEED).repeat()
        stream = order.batch(batch_size).map(lambda i: (tf.gather(images, i), i)).prefetch(2)
        began = time.perf_counter()
        model.fit(stream, steps_per_epoch=steps, verbose=0)
        return time.perf_counter() - began

    return fit


def speeds(models: dict[str, keras.Model], fit: Callable) -> dict[str, float]:
    """Return each model's steps per second; it is trained by a few steps."""
    for model in models.values():
        fit(model, 2)
    seconds = [{name: fit(m, ROUND_STEPS) for name, m in models.items()} for _ in range(ROUNDS)]
    return {name: ROUND_STEPS / np.median([row[name] for row in seconds]) for name in models}


def quality(judge: Judge, samples: np.ndarray, real: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the Fréchet distance of the samples to real images, and the share of each class."""
    of_samples, of_real = judge(as_bytes(samples)), judge(real)
    classes = np.bincount(of_samples.probabilities.argmax(-1), minlength=len(judge.classes))
    return frechet_distance(of_real.features, of_samples.features), classes / len(samples)


def main() -> None:
    """Measure the speed of both, train both, and print figures and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="a source of images of 28x28x1, such as a folder of MNIST")
    parser.add_argument("--judge", required=True, help="folder of a classifier's run on that data")
    parser.add_argument("--updates", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--third", action="store_true", help="keep the layer of 512 filters")
    parser.add_argument("--speed-only", action="store_true")
    arguments = parser.parse_args()

    template = load_template("dcgan")
    config = template.Config(batch_size=arguments.batch_size)
    data = template.TASK.open(arguments.data, config)
    fit = batches(data, arguments.batch_size)

    def fresh() -> dict[str, keras.Model]:
        keras.utils.set_random_seed(SEED)
        example = Example(arguments.third)
        example.compile()
        return {"ours": template.build(config, data), "example": example}

    steps = speeds(fresh(), fit)
    ratio = steps["ours"] / steps["example"]
    print("; ".join(f"{name} {value:.2f} steps/s" for name, value in steps.items()))
    print(f"ratio of speeds {ratio:.2f}", flush=True)
    if arguments.speed_only:
        return

    judge = Judge(Run(arguments.judge))
    test = data.splits["test"].subset(range(min(SAMPLES, len(data.splits["test"]))))
    accuracy = np.mean(judge(test.images).probabilities.argmax(-1) == test.labels)
    print(f"the judge is right on {accuracy:.4f} of {len(test)} test images")
    distances = {}
    for name, model in fresh().items():
        seconds = fit(model, arguments.updates)
        is_ours = name == "ours"
        samples = (
            draw(template.endpoints(model)["generate"], SAMPLES) if is_ours else model.draw(SAMPLES)
        )
        distances[name], shares = quality(judge, samples, test.images)
        print(
            f"{name}: {arguments.updates} updates in {seconds:.0f} s, Fréchet distance "
            f"{distances[name]:.3f}, least class {shares.min():.3f}, "
            f"classes {' '.join(f'{share:.3f}' for share in shares)}",
            flush=True,
        )
    print(f"ratio of distances {distances['ours'] / distances['example']:.2f}")


if __name__ == "__main__":
    main()
