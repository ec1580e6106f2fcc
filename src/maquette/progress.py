"""Progress of long work, on the error stream, so that results on the output stream stay clean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")

console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Tell the user something that is not a result."""
    console.print(message, markup=False)


def track(items: Iterable[Item], label: str, total: int | None) -> Iterator[Item]:
    """Yield the items while a bar on the terminal shows how far along they are.

    Args:
        items: What to go through.
        label: What is being done.
        total: The number of items, where it is known.
    """
    with progress_bar() as bar:
        task = bar.add_task(label, total=total)
        for item in items:
            yield item
            bar.advance(task)


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """Show on a terminal that something of unknown length is going on."""
    with console.status(label):
        yield


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a bar that is visible on a terminal only and vanishes when its work is done."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=True)
    # Where there is no terminal, rich before 14.3 would print an empty line for a disabled bar.
    with bar if console.is_terminal else nullcontext():
        yield bar
