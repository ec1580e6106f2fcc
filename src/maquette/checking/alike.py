"""Find pictures that look alike, among very many, by their thumbnails.

Two thumbnails are compared as their grey values less the mean, scaled to length one, so that light
and contrast do not count. Candidates come from a search tree on their lowest frequencies: leaving
frequencies out only brings pictures nearer, so that no pair is missed for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maquette.images.inspection import THUMBNAIL

LOW = 4  # frequencies of each axis that the tree sees
NEIGHBOURS = 6
PROBED = 256
# A copy is that much nearer than images of the data are to their nearest. What re-encoding and
# resizing change was measured: 0.01 to 0.1 in photos, 0.01 to 0.06 in drawings.
NEARER, CLOSEST, FARTHEST = 0.18, 0.05, 0.2
LEAST_SPREAD = 2.0  # grey levels; below, a thumbnail tells nothing
CHUNK = 4096


def alike(thumbnails: Sequence[bytes]) -> np.ndarray:
    """Return pairs of images that are near copies of one another: re-encoded, resized, relit.

    Of an image with many copies, the nearest few pairs are given. Images without any contrast are
    like none.

    Args:
        thumbnails: grey pixels of each image, as `maquette.images.inspection` makes them.

    Returns:
        Positions, shape (pairs, 2), the lower one first, in order.
    """
    if len(thumbnails) < 2:
        return np.empty((0, 2), np.intp)
    pixels = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(len(thumbnails), -1)
    told = np.flatnonzero(pixels.std(axis=1) >= LEAST_SPREAD)
    pixels, first, which = np.unique(pixels[told], axis=0, return_index=True, return_inverse=True)
    same = np.stack([told[first[which.ravel()]], told], axis=1)
    pairs = [same[same[:, 0] != same[:, 1]], told[first[_near(pixels)]]]
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def _near(pixels: np.ndarray) -> np.ndarray:
    """Return pairs of thumbnails, all of them different, that are near one another."""
    from scipy.spatial import cKDTree

    if len(pixels) < 2:
        return np.empty((0, 2), np.intp)
    radius = _radius(pixels)
    low = np.concatenate([_directions(part) @ _frequencies() for part in _chunks(pixels)])
    count = min(NEIGHBOURS, len(pixels))
    _, found = cKDTree(low).query(low, k=count, distance_upper_bound=radius, workers=-1)
    is_near = (found < len(pixels)) & (found != np.arange(len(pixels))[:, None])
    one, rank = np.nonzero(is_near)
    pairs = np.unique(np.sort(np.stack([one, found[one, rank]], axis=1), axis=1), axis=0)
    return pairs[_distances(pixels, pairs) <= radius]


def groups(pairs: np.ndarray, count: int) -> list[list[int]]:
    """Return what pairs connect, as ascending positions, in order.

    Args:
        pairs: shape (pairs, 2).
        count: number of positions there are.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return []
    links = coo_array((np.ones(len(pairs)), pairs.T), (count, count))
    _, group = connected_components(links, directed=False)
    members: dict[int, list[int]] = {}
    for position in np.unique(pairs):
        members.setdefault(int(group[position]), []).append(int(position))
    return sorted(members.values())


def _radius(pixels: np.ndarray) -> float:
    """Return how near copies are in this data."""
    probed = np.unique(np.linspace(0, len(pixels) - 1, PROBED).astype(int))
    probes = _directions(pixels[probed])
    closest = np.full(len(probed), -1.0)
    for start, part in zip(range(0, len(pixels), CHUNK), _chunks(pixels), strict=True):
        cosines = probes @ _directions(part).T
        own = (probed >= start) & (probed < start + len(part))
        cosines[own, probed[own] - start] = -1
        closest = np.maximum(closest, cosines.max(axis=1))
    usual = np.median(np.sqrt(np.maximum(2 - 2 * closest, 0)))
    return float(np.clip(NEARER * usual, CLOSEST, FARTHEST))


def _chunks(pixels: np.ndarray) -> list[np.ndarray]:
    return [pixels[start : start + CHUNK] for start in range(0, len(pixels), CHUNK)]


def _directions(pixels: np.ndarray) -> np.ndarray:
    """Return grey values less their mean, of length one, shape (n, pixels)."""
    values = pixels.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def _distances(pixels: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    parts = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    return np.concatenate(
        [
            np.linalg.norm(_directions(pixels[a]) - _directions(pixels[b]), axis=1)
            for a, b in (part.T for part in parts)
        ]
        or [np.empty(0)]
    )


def _frequencies() -> np.ndarray:
    """Return the lowest frequencies of the cosine transform, shape (pixels, frequencies)."""
    places = np.pi * (2 * np.arange(THUMBNAIL) + 1) / (2 * THUMBNAIL)
    waves = np.cos(np.arange(LOW)[:, None] * places)
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    both = np.einsum("uy,vx->yxuv", waves, waves).reshape(THUMBNAIL**2, LOW**2)
    return both[:, 1:].astype(np.float32)  # without the mean
