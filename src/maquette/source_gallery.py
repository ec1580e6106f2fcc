"""What data can be given: the cards of the files in the datasets folder, without importing them."""

from __future__ import annotations

import ast
import pkgutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import maquette.datasets


@dataclass(frozen=True)
class SourceCard:
    """What a data source says of itself.

    Args:
        name: Of its file.
        form: How `--data` names it: its name, or what a path or name of this kind looks like.
        kinds: Of data: "images", "text", "corpus" or "table".
        is_embedded: Whether the data comes along, and needs no path.
        summary: First line of its card.
        text: The whole card.
    """

    name: str
    form: str
    kinds: tuple[str, ...]
    is_embedded: bool
    summary: str
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return the card as a plain dictionary, for JSON."""
        return asdict(self)


def list_sources() -> list[SourceCard]:
    """Return the cards of all sources, the embedded ones first."""
    modules = pkgutil.iter_modules(maquette.datasets.__path__)
    cards = [_card(Path(m.module_finder.path, f"{m.name}.py")) for m in modules]
    return sorted(cards, key=lambda card: (not card.is_embedded, card.name))


def _card(path: Path) -> SourceCard:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    text = ast.get_docstring(tree) or ""
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("KIND", "FORM")
    }
    kinds = constants["KIND"]
    return SourceCard(
        name=path.stem,
        form=constants.get("FORM", path.stem),
        kinds=(kinds,) if isinstance(kinds, str) else kinds,
        is_embedded="FORM" not in constants,
        summary=text.partition("\n")[0],
        text=text,
    )
