"""Log-likelihoods, divergences and drawn pixels, against SciPy and integrals."""

import numpy as np
import pytest
from keras import ops
from scipy import integrate, stats

from maquette.probability import (
    BernoulliPixels,
    GaussianPixels,
    bernoulli_log_density,
    gaussian_kl,
    gaussian_log_density,
)

RNG = np.random.default_rng(0)


def test_kl_is_the_integral_that_defines_it():
    mean, log_variance = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
    found = ops.convert_to_numpy(gaussian_kl(mean, log_variance))
    for row in range(3):
        total = 0.0
        for m, v in zip(mean[row], log_variance[row], strict=True):
            q = stats.norm(m, np.exp(v / 2))
            total += integrate.quad(
                lambda z, q=q: q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z)), -15, 15
            )[0]
        assert found[row] == pytest.approx(total, rel=1e-6)


def test_densities_are_those_of_scipy():
    values, mean, log_variance = RNG.normal(size=(3, 50))
    np.testing.assert_allclose(
        gaussian_log_density(values, mean, log_variance),
        stats.norm.logpdf(values, mean, np.exp(log_variance / 2)),
    )
    bits, logits = np.array([0.0, 1.0, 1.0, 0.0]), np.array([-3.0, 0.5, 80.0, 80.0])
    expected = stats.bernoulli.logpmf(bits, 1 / (1 + np.exp(-logits)))
    expected[-1] = -80  # SciPy's is -inf: the probability of 0 rounds to nothing.
    np.testing.assert_allclose(bernoulli_log_density(bits, logits), expected, atol=1e-12)


def test_likelihoods_sum_over_all_pixels_of_each_image():
    logits = RNG.normal(size=(4, 3, 5, 3)).astype(np.float32)
    picture, noise = (
        RNG.integers(0, 256, (4, 3, 5, 3), np.uint8),
        RNG.random((4, 3, 5, 3), np.float32),
    )
    black_or_white, grey = BernoulliPixels(), GaussianPixels()
    mean = np.asarray(grey(logits))
    np.testing.assert_allclose(mean, 1 / (1 + np.exp(-logits)), rtol=1e-5)

    bits = np.asarray(black_or_white.draw(picture, noise))
    expected = stats.bernoulli.logpmf(bits, mean).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(black_or_white.log_likelihood(bits, logits), expected, rtol=1e-5)

    grey.log_scale.assign(-1.0)
    levels = picture + noise  # in grey levels, of which the mean and scale are shares of 256
    expected = stats.norm.logpdf(levels, mean * 256, np.exp(-1.0) * 256).sum(axis=(1, 2, 3))
    drawn = grey.draw(picture, noise)
    np.testing.assert_allclose(grey.log_likelihood(drawn, logits), expected, rtol=1e-4)


def test_a_drawn_pixel_is_white_as_often_as_it_is_bright():
    picture = np.broadcast_to(np.array([0, 51, 204, 255], np.uint8), (40_000, 4))
    drawn = np.asarray(BernoulliPixels().draw(picture, RNG.random(picture.shape, np.float32)))
    assert set(np.unique(drawn)) == {0, 1}
    np.testing.assert_allclose(drawn.mean(axis=0), [0, 0.2, 0.8, 1], atol=0.01)
    assert drawn[:, 0].max() == 0
    assert drawn[:, 3].min() == 1
