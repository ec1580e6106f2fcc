"""Files of text as bytes: encodings, byte order marks, bytes of zero."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

from maquette.checking.findings import Finding, Severity, singly
from maquette.text.reading import UTF_8, UnreadableText, decode

LONGEST_LINE = 100_000


def encoding_findings(path: Path, names: Sequence[str]) -> list[Finding]:
    """Return what the bytes of text files tell.

    Args:
        path: a file, or the folder that the names are relative to.
        names: of texts; of those in a table, the file comes before a colon.
    """
    root = path if path.is_dir() else path.parent
    names = list(dict.fromkeys(_file(root, name) for name in names)) or [path.name]
    told: dict[tuple[Severity, str, str, str], dict[str, str]] = {
        ("warning", "foreign_encoding", "not UTF-8", "read by a guess; save them as UTF-8"): {},
        ("warning", "damaged_bytes", "with bytes that are no text", "replaced; mend them"): {},
        ("warning", "zero_bytes", "with bytes of zero", "read as spaces; remove them"): {},
        ("note", "byte_order_mark", "that begin with a byte order mark", "it is left out"): {},
        ("note", "long_line", "with very long lines", "some tools do not take them"): {},
    }
    columns = list(told.values())
    for name in names:
        for column, detail in zip(columns, _details(root / name), strict=True):
            if detail:
                column[name] = detail
    return [
        Finding(severity, kind, f"text files {what}: {len(files)}", _items(files), advice)
        for (severity, kind, what, advice), files in told.items()
        if files
    ]


def _file(root: Path, name: str) -> str:
    return name if (root / name).is_file() else name.rpartition(":")[0]


def _items(files: dict[str, str]) -> tuple:
    return singly([*files], [*files.values()])


def _details(path: Path) -> tuple[str, str, str, str, str]:
    """Return what is odd about a file, in the order of the findings; empty where nothing is."""
    try:
        data = path.read_bytes()
        decoded = decode(data)
    except (OSError, UnreadableText):
        return ("",) * 5
    zeros = decoded.text.count("\0")
    marked = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    longest = max(map(len, decoded.text.split("\n")), default=0)
    return (
        decoded.encoding if decoded.encoding != UTF_8 else "",
        "some were replaced" if decoded.damaged and not zeros else "",
        f"{zeros} of them" if zeros else "",
        decoded.encoding if marked else "",
        f"{longest:,} letters" if longest > LONGEST_LINE else "",
    )
