"""Small sets of records: TFRecord files, and sets that tensorflow-datasets prepares."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from maquette.images.pixels import encode_png


def feature(value) -> tf.train.Feature:
    if isinstance(value, int | np.integer):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    if isinstance(value, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    data = value.encode() if isinstance(value, str) else value
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))


def write_records(path: Path, rows: list[dict]) -> Path:
    """Write each row as a `tf.train.Example`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            features = tf.train.Features(feature={k: feature(v) for k, v in row.items()})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return path


def image_rows(pixels: np.ndarray, image: str = "image", label: str = "label") -> list[dict]:
    """Return rows of images of two classes in turn."""
    return [{image: encode_png(p), label: index % 2} for index, p in enumerate(pixels)]


def prepare(folder: Path, name: str, features: dict, splits: dict[str, list], file_format: str):
    """Let tensorflow-datasets prepare a set whose code does not outlive this call.

    Args:
        folder: As TFDS_DATA_DIR.
        name: Of the set.
        features: As in `tfds.features.FeaturesDict`; the first two are input and target.
        splits: Examples by split.
        file_format: "tfrecord" or "array_record".
    """
    import tensorflow_datasets as tfds

    def info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=tuple(features)[:2],
        )

    members = {
        "__module__": __name__,
        "VERSION": tfds.core.Version("1.0.0"),
        "name": name,
        "pkg_dir_path": folder,
        "_info": info,
        "_split_generators": lambda self, manager: {
            split: self._generate_examples(rows) for split, rows in splits.items()
        },
        "_generate_examples": lambda self, rows: enumerate(rows),
    }
    with tfds.core.registered.skip_registration():
        builder = type("Small", (tfds.core.GeneratorBasedBuilder,), members)
        prepared = builder(data_dir=str(folder), file_format=file_format)
        prepared.download_and_prepare()
    return prepared
