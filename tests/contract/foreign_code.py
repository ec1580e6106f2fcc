"""Parsers of other languages, for code that maquette writes."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@functools.cache
def _parser(suffix: str) -> Any:
    import tree_sitter
    import tree_sitter_kotlin
    import tree_sitter_swift

    grammar = {".kt": tree_sitter_kotlin, ".swift": tree_sitter_swift}[suffix]
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


def mistakes(file: Path) -> list[str]:
    """Return the parts of a Kotlin, Swift, Python or JavaScript file that do not parse."""
    if file.suffix == ".py":
        compile(file.read_text(encoding="utf-8"), file.name, "exec")
        return []
    if file.suffix == ".js":
        return _mistakes_of_javascript(file)
    root = _parser(file.suffix).parse(file.read_bytes()).root_node
    return [f"{file.name}:{node.start_point[0] + 1}" for node in _wrong_nodes(root)]


def _mistakes_of_javascript(file: Path) -> list[str]:
    if not shutil.which("node"):
        return []
    words = ["node", "--input-type=module", "--check"]
    done = subprocess.run(words, input=file.read_bytes(), capture_output=True)
    return done.stderr.decode().splitlines()


def _wrong_nodes(node: Any) -> Iterator[Any]:
    if node.is_error or node.is_missing:
        yield node
    for child in node.children:
        yield from _wrong_nodes(child)
