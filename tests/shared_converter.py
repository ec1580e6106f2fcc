"""One process that converts for all tests: it takes longer to start than most conversions."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from maquette.exporting.converter import Converter


class SharedConverter(Converter):
    """A converter whose process outlives an export."""

    def __exit__(self, *_: object) -> None:
        """Leave the process to the next export."""


@pytest.fixture(scope="session", autouse=True)
def shared_converter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Convert for all exports in one process."""
    if "keras" not in sys.modules:  # It would be imported for the quickest of tests.
        yield
        return
    from maquette.exporting import workshop

    shared = SharedConverter(tmp_path_factory.mktemp("converter"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workshop, "Converter", lambda folder: shared)
        yield
    Converter.__exit__(shared)
