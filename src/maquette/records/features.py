"""Which features the examples in records have, and which of them are input and target."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from maquette.errors import UserError, nearest
from maquette.images.decoding import SIGNATURES

FEATURES_FILE = "features.json"
IMAGE_NAMES = ("image", "image/encoded", "img", "picture", "image_raw")
TEXT_NAMES = ("text", "sentence", "review", "document", "article", "content")
TARGET_NAMES = ("label", "image/class/label", "labels", "class", "target", "coarse_label")
IMAGE, TEXT, CLASS, BYTES, WHOLE, OTHER = "image", "text", "class", "bytes", "whole", "other"
Values = dict[str, list]  # of one example, by feature


class Named(NamedTuple):
    """The features that the user named, by `--target`, `--text-column` and `--image-column`."""

    target: str | None = None
    text: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class Fields:
    """The features of an example that matter.

    Attributes:
        kind: "images", "text" or "table".
        input: name of the feature that is predicted from; empty in a table, where it is all others.
        target: name of the feature that is predicted.
        classes: names of the classes, where the target is their number and they are known.
    """

    kind: str
    input: str
    target: str
    classes: tuple[str, ...] | None = None


def values_of(record: bytes) -> Values:
    """Return the features of a serialized `tf.train.Example`, each a list of values.

    Raises:
        ValueError: the bytes are no such example.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.train import Example

    try:
        features = Example.FromString(record).features.feature
    except DecodeError:
        raise ValueError("no tf.train.Example") from None
    return {name: _values(feature) for name, feature in features.items()}


def bytes_in(record: bytes, feature: str) -> bytes:
    """Return the one value of a feature of bytes, without looking at the other features."""
    from tensorflow.train import Example

    return Example.FromString(record).features.feature[feature].bytes_list.value[0]


def described_features(folder: Path) -> dict[str, str]:
    """Return what each feature is by the `features.json` of a folder; none where it has none.

    Nothing in the file is run: of the classes that it names, only the last word is looked at.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / FEATURES_FILE
    if not path.is_file():
        return {}
    try:
        return _flattened(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, AttributeError, RecursionError):
        raise UserError(f"{path} is damaged: it does not describe features") from None


def seen_features(values: Values) -> dict[str, str]:
    """Return what each feature of one example seems to be."""
    return {name: _seen(value) for name, value in sorted(values.items())}


def fields_of(
    features: Mapping[str, str],
    folder: Path,
    source: str,
    kinds: Collection[str],
    named: Named,
    supervised: Sequence[str] = (),
) -> Fields:
    """Decide which feature is the input and which the target.

    Args:
        features: what each is.
        folder: where the names of classes lie, one file for each feature.
        source: what they are of, for messages.
        kinds: which of "images", "text" and "table" would do.
        named: the features that the user named.
        supervised: names of input and target, where the data itself tells.

    Raises:
        UserError: it cannot be told; says what features there are.
    """
    for name in filter(None, named):
        if name not in features:
            raise UserError(
                f"{source} has no feature {name!r} but {_listed(features)}{nearest(name, features)}"
            )
    told, told_target = supervised if len(supervised) == 2 else (None, None)
    usual = (told_target, *TARGET_NAMES)
    target = named.target or _first(features, usual, (CLASS, WHOLE, TEXT, BYTES), (CLASS,))
    others = {name: what for name, what in features.items() if name != target}
    inputs = _inputs(others, named, told)
    kind = next((kind for kind, name in inputs.items() if name is not None and kind in kinds), None)
    holds = next((kind for kind, name in inputs.items() if name), None)
    if holds and kind is None:
        raise UserError(f"{source} holds {holds}, and this takes {' or '.join(sorted(kinds))}")
    if kind is None or target is None:
        lacking = "images or texts" if kind is None else "labels"
        options = "--image-column or --text-column" if kind is None else "--target"
        raise UserError(
            f"cannot tell which feature of {source} holds {lacking}; it has {_listed(features)}; "
            f"name it with {options}"
        )
    return Fields(kind, inputs[kind], target, class_names(folder, target))


def _inputs(features: Mapping[str, str], named: Named, told: str | None) -> dict[str, str | None]:
    """Return the feature of each kind of data, `None` where there is none; a table has them all."""
    if named.text:
        return {"text": named.text}
    if named.image:
        return {"images": named.image}
    return {
        "images": _first(features, (told, *IMAGE_NAMES), (IMAGE,)),
        "text": _first(features, (told, *TEXT_NAMES), (TEXT, BYTES)),
        "table": "" if features else None,
    }


def _first(
    features: Mapping[str, str],
    names: Sequence[str | None],
    suitable: Collection[str],
    certain: Collection[str] = (IMAGE, TEXT),
) -> str | None:
    """Return the first feature of a usual name that is suitable, or else the only certain one."""
    named = (name for name in names if features.get(name) in suitable)
    known = [n for n, what in features.items() if what in certain and what in suitable]
    return next(named, known[0] if len(known) == 1 else None)


def class_names(folder: Path, feature: str) -> tuple[str, ...] | None:
    """Return the names of the classes that a feature numbers, where a file has them."""
    path = folder / f"{feature.replace('/', '-')}.labels.txt"
    if not path.is_file():
        return None
    return tuple(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"))


def _flattened(described: dict[str, Any], start: str = "") -> dict[str, str]:
    children = described.get("featuresDict", {}).get("features")
    if children is None:
        return {start: _named(described.get("pythonClassName", "").rpartition(".")[2], described)}
    flat: dict[str, str] = {}
    for name, child in children.items():
        flat |= _flattened(child, f"{start}/{name}" if start else name)
    return flat


def _named(kind: str, described: dict[str, Any]) -> str:
    known = {"Image": IMAGE, "Text": TEXT, "ClassLabel": CLASS}
    if kind in known:
        return known[kind]
    if kind in ("Scalar", "Tensor"):
        tensor = described.get("tensor", {})
        if tensor.get("shape", {}).get("dimensions"):
            return OTHER
        dtype = tensor.get("dtype", "")
        return BYTES if dtype in ("string", "object") else WHOLE if "int" in dtype else OTHER
    return OTHER


def _seen(values: list) -> str:
    if len(values) != 1:
        return OTHER
    value = values[0]
    if isinstance(value, bytes):
        return IMAGE if value.startswith(SIGNATURES) else BYTES
    return WHOLE if isinstance(value, int) else OTHER


def _values(feature: Any) -> list:
    kind = feature.WhichOneof("kind")
    return [] if kind is None else list(getattr(feature, kind).value)


def _listed(features: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({what})" for name, what in features.items()) or "none"
