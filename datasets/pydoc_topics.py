"""Python's own help pages: 65,000 words of English on the language, from CPython, PSF licence.

The pages of `pydoc_data.topics`, made from the Python Language Reference: 79 in Python 3.11. They
are with every Python, and differ between its versions, which the fingerprint tells. Small enough
to train on in seconds, too small for good word vectors.
"""

from __future__ import annotations

import hashlib

from maquette.text.corpus import RawCorpus

KIND = "corpus"


def load() -> RawCorpus:
    """Return the pages, in alphabetical order, each a document."""
    from pydoc_data.topics import topics

    pages = [text for _, text in sorted(topics.items())]
    digest = hashlib.sha256("\0".join(pages).encode())
    return RawCorpus("pydoc_topics", digest.hexdigest(), (), lambda: ([page] for page in pages))
