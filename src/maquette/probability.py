"""Log-likelihoods and divergences in nats, and what images are taken to be drawn from."""

from __future__ import annotations

import math

import keras
from keras import ops

GREY_LEVELS = 256
LOG_TWO_PI = math.log(2 * math.pi)


def gaussian_kl(mean, log_variance):
    """Return the Kullback-Leibler divergence of a diagonal Gaussian from the unit Gaussian.

    KL = 1/2 sum(mean^2 + variance - log variance - 1), Kingma and Welling (2014), appendix B.

    Input shape: two times `(batch, dimensions)`.
    Output shape: `(batch,)`, nats.
    """
    return 0.5 * ops.sum(mean**2 + ops.exp(log_variance) - log_variance - 1, axis=-1)


def gaussian_log_density(values, mean, log_variance):
    """Return the log-density of each value under its own Gaussian; shapes broadcast."""
    squares = (values - mean) ** 2 * ops.exp(-log_variance)
    return -0.5 * (squares + log_variance + LOG_TWO_PI)


def bernoulli_log_density(values, logits):
    """Return the log-probability of each value, 0 or 1, under its own Bernoulli."""
    return values * logits - ops.softplus(logits)


@keras.saving.register_keras_serializable("maquette")
class BernoulliPixels(keras.layers.Layer):
    """Pixels that are black or white: white with the probability that is their intensity.

    The pixels of an image are drawn anew each time that it is seen, so that no image is ever seen
    twice (Burda et al. 2016, section 5.1).

    Input shape: `(batch, height, width, channels)`, logits.
    Output shape: the same, the mean of each pixel in 0..1.
    """

    def draw(self, images, noise):
        """Return pixels, 0 or 1, of intensities 0..255; noise is uniform in 0..1 for each."""
        return ops.cast(noise * 255 < ops.cast(images, "float32"), "float32")

    def log_likelihood(self, pixels, logits):
        """Return the log-probability in nats of pixels that were drawn, `(batch,)`."""
        return _sum_over_pixels(bernoulli_log_density(pixels, ops.cast(logits, "float32")))

    def call(self, logits):
        return ops.sigmoid(logits)


@keras.saving.register_keras_serializable("maquette")
class GaussianPixels(keras.layers.Layer):
    """Grey levels with Gaussian noise, whose scale is learned and the same for all pixels.

    A density on whole numbers could grow without bound, so uniform noise makes the levels
    continuous; the mean log-density then is a lower bound on the log-probability of the levels
    (Theis, van den Oord and Bethge 2016, section 3.1).

    Input shape: `(batch, height, width, channels)`, logits of the mean.
    Output shape: the same, the mean of each pixel in 0..1.
    """

    def build(self, input_shape):
        initial = keras.initializers.Constant(math.log(0.2))
        self.log_scale = self.add_weight(shape=(), initializer=initial, name="log_scale")

    def draw(self, images, noise):
        """Return pixels in 0..1 of intensities 0..255, moved within their level by the noise."""
        return (ops.cast(images, "float32") + noise) / GREY_LEVELS

    def log_likelihood(self, pixels, logits):
        """Return the log-density in nats of pixels that were drawn, `(batch,)`.

        It is that of whole grey levels: one level is the unit of length.
        """
        mean = ops.sigmoid(ops.cast(logits, "float32"))
        densities = gaussian_log_density(pixels, mean, 2 * self.log_scale)
        return _sum_over_pixels(densities - math.log(GREY_LEVELS))

    def call(self, logits):
        return ops.sigmoid(logits)


def _sum_over_pixels(values):
    return ops.sum(values, axis=(1, 2, 3))
