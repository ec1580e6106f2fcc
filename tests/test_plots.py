"""Pictures for any number of classes, names in any script, and images of any form."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from maquette.reporting import plots
from maquette.reporting.plot_text import drawable, shortened, width

# No sign has this number yet.
UNKNOWN = "\u0378"


def drawn(figure: Figure) -> np.ndarray:
    """Draw a figure, whose warnings are errors, and return its pixels."""
    from matplotlib.image import imread

    file = io.BytesIO()
    with warnings.catch_warnings(action="error"):
        figure.savefig(file, format="png")
    file.seek(0)
    return imread(file)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("golden retriever", "golden retriever"),
        ("flat-coated retriever", "flat-coa…etriever"),
        ("写真写真写真写真写", "写真写真写真写真写"),
        ("写真写真写真写真写真", "写真写真…写真写真"),
    ],
)
def test_a_long_name_keeps_its_beginning_and_its_end(text, short):
    assert shortened(text) == short
    assert width(shortened(text)) <= 18


def test_signs_that_the_usual_font_lacks_are_drawn_with_another():
    # A font that comes with matplotlib has の, its usual one has not.
    texts, families = drawable(["の", "the"])
    assert texts == ["の", "the"]
    assert len(families) == 2
    assert drawable(["the"])[1] == families[:1]


def test_signs_that_no_font_has_are_boxes():
    assert drawable([f"{UNKNOWN} cat\n\t"])[0] == ["□ cat\n□"]


@pytest.mark.parametrize("classes", [2, 10, 30, 100])
def test_a_confusion_matrix_is_square_whatever_the_number_of_classes(classes):
    labels = np.arange(classes)
    names = [f"a class of a long name {i}" for i in labels]
    height, width_, _ = drawn(plots.confusion_matrix(labels, labels[::-1], names)).shape
    assert height == width_
    assert 250 < height < 1200


def test_classes_whose_names_cannot_be_drawn_are_told_by_index():
    figure = plots.confusion_matrix(
        np.array([0, 1, 2]), np.array([0, 1, 1]), ["cat", UNKNOWN, "$x^2$"]
    )
    drawn(figure)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["cat", "class 1", "$x^2$"]


@pytest.mark.parametrize(
    "images",
    [
        np.full((1, 8, 8, 3), 200, np.uint8),
        np.full((1, 8, 8, 3), 200, np.int64),
        np.full((1, 8, 8, 3), 200 / 255),
        np.full((1, 8, 8, 1), 200, np.uint8),
        np.full((1, 8, 8, 1), 200 / 255, np.float32),
    ],
    ids=["bytes", "integers", "floats", "grey bytes", "grey floats"],
)
def test_an_image_is_as_bright_in_any_type(images):
    pixels = drawn(plots.image_grid(images))
    height = len(pixels)
    assert np.round(pixels[height // 2, height // 2, :3] * 255).tolist() == [200, 200, 200]


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (9, 4, 16, 3), (3, 16, 4, 1), (2, 8, 8, 4)])
def test_a_grid_takes_images_of_any_form_and_number(shape):
    images = np.linspace(-1, 2, np.prod(shape)).reshape(shape)
    titles = [f"{UNKNOWN}の\nread as {'x' * 40} 100%"] * len(images)
    figure = plots.image_grid(images, titles, "Most wrong of validation")
    drawn(figure)
    assert len(figure.axes) == len(images)
    assert max(len(axes.get_title().split("\n")[1]) for axes in figure.axes) <= 22


def test_a_single_epoch_is_not_divided():
    figure = plots.learning_curves([{"stage": "train", "loss": 1.0, "val_loss": 2.0}], ["loss"])
    drawn(figure)
    assert all(tick % 1 == 0 for tick in figure.axes[0].get_xticks())


def test_the_curves_tell_where_a_stage_begins():
    rows = [{"stage": stage, "loss": 1.0, "val_loss": 1.0} for stage in ("head", "fine_tune")]
    (legend,) = plots.learning_curves(rows, ["loss"]).legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "training",
        "validation",
        "fine tune begins",
    ]
