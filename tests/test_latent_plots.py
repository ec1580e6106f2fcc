"""Pictures of a space of codes."""

import numpy as np
from scipy import stats

from maquette.reporting import latent_plots

RNG = np.random.default_rng(0)


def shown(figure) -> np.ndarray:
    return np.asarray(figure.axes[0].images[0].get_array())


def test_mosaic_puts_images_row_by_row_with_a_gap():
    numbered = np.arange(6, dtype=np.float32).reshape(6, 1, 1, 1) / 10 + np.zeros((6, 2, 3, 1))
    table = shown(latent_plots.mosaic(numbered, columns=3, heading="six"))
    np.testing.assert_allclose(table[::3, ::4], [[0, 0.1, 0.2], [0.3, 0.4, 0.5]])
    np.testing.assert_allclose(table[1, :8], [0, 0, 0, 1, 0.1, 0.1, 0.1, 1], atol=1e-6)
    assert np.all(table[2] == 1)


class Decoder:
    """Remember the codes that a picture asks for."""

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        self.codes = codes
        return np.zeros((len(codes), 2, 2, 1))


def test_latent_grid_shows_equal_shares_of_the_unit_gaussian():
    decode = Decoder()
    latent_plots.latent_grid(decode, side=4)
    shares = stats.norm.cdf(decode.codes).reshape(4, 4, 2)
    steps = [0.125, 0.375, 0.625, 0.875]
    np.testing.assert_allclose(shares[0, :, 0], steps, rtol=1e-5)  # left to right
    np.testing.assert_allclose(shares[:, 0, 1], steps[::-1], rtol=1e-5)  # upwards


def test_codes_are_projected_on_the_directions_of_most_variance():
    points = RNG.normal(size=(500, 4)) * [0.1, 3.0, 0.1, 2.0]
    axes = latent_plots.latent_space(points, np.zeros(500, int), ("all",)).axes[0]
    plane = np.asarray(axes.collections[0].get_offsets())
    for axis, column in ((0, 1), (1, 3)):
        assert abs(np.corrcoef(plane[:, axis], points[:, column])[0, 1]) > 0.99
    assert axes.get_xlabel().startswith("first principal component, ")


def test_interpolations_begin_and_end_at_their_codes():
    decode = Decoder()
    starts, ends = RNG.normal(size=(2, 3, 5)).astype(np.float32)
    latent_plots.interpolations(decode, starts, ends, steps=5)
    rows = decode.codes.reshape(3, 5, 5)
    np.testing.assert_allclose(rows[:, 0], starts)
    np.testing.assert_allclose(rows[:, -1], ends, rtol=1e-5)
    np.testing.assert_allclose(rows[:, 2], (starts + ends) / 2, rtol=1e-4, atol=1e-6)
