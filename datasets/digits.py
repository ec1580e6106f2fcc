"""Handwritten digits: 1,797 grey images of 8x8 in 10 classes, from scikit-learn, CC BY 4.0.

The test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI
Machine Learning Repository, 1998), as carried by scikit-learn. About 180 images per class. Small
enough that a model trains on it in seconds; too small to say much of real photographs.
"""

from __future__ import annotations

import numpy as np

from maquette.images.data import ImageData, from_arrays

KIND = "images"


def load() -> ImageData:
    """Return the digits, uint8 of (8, 8, 1), divided 70/15/15."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    # The ink of each pixel is a count from 0 to 16.
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return from_arrays("digits", images, digits.target, [str(digit) for digit in range(10)])
