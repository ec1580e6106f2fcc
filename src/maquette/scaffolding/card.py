"""What a project's documents say of its template, read from the template's file.

Nothing of the file is run but `Config`: a project is made without TensorFlow.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass, field

from maquette.gallery import show, template_path

FACTS = ("Paper", "Data", "Expect")


@dataclass(frozen=True)
class Described:
    """A template's card in its parts.

    Attributes:
        summary: Its first line.
        idea: The paragraphs below, equations indented.
        facts: What stands behind `Paper:`, `Data:` and `Expect:`.
        data: The default data source.
    """

    summary: str
    idea: str
    facts: dict[str, str] = field(default_factory=dict)
    data: str = ""


def described(template: str) -> Described:
    """Return what a template says of itself.

    Raises:
        UserError: there is no template of that name, or its file is no Python.
    """
    paragraphs = show(template).text.split("\n\n")
    facts, idea = {}, []
    for paragraph in paragraphs[1:]:
        if found := _facts(paragraph):
            facts |= found
        elif not re.match(r" +maquette ", paragraph):
            idea.append(paragraph)
    return Described(paragraphs[0], "\n\n".join(idea), facts, default_data(template))


def _facts(paragraph: str) -> dict[str, str]:
    parts = re.split(rf"^({'|'.join(FACTS)}): ", paragraph, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {name: " ".join(text.split()) for name, text in pairs} if not parts[0] else {}


def default_data(template: str) -> str:
    """Return the data source that a template trains on by default, or an empty string."""
    for call in task_calls(template):
        for keyword in call.keywords:
            if keyword.arg == "data" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return ""


def task_calls(template: str) -> list[ast.Call]:
    """Return the calls in the value of `TASK`, the task's own first."""
    tree = ast.parse(template_path(template).read_text(encoding="utf-8"))
    for node in tree.body:
        names = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(name, ast.Name) and name.id == "TASK" for name in names):
            return [call for call in ast.walk(node.value) if isinstance(call, ast.Call)]
    return []


def wrapped(text: str, width: int = 96) -> str:
    """Return a paragraph in lines of at most `width` letters."""
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
