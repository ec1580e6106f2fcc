"""Writing callers: `export/caller/LANGUAGE/`, a class and a check by golden vectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from maquette.errors import UserError, nearest
from maquette.exporting.callers import javascript, kotlin, python, swift
from maquette.exporting.callers.ports import Called, Port, called
from maquette.exporting.golden import GOLDEN, Golden
from maquette.exporting.metadata import Metadata
from maquette.tasks.tensors import Tensor

LANGUAGES: dict[str, Any] = {
    "kotlin": kotlin,
    "swift": swift,
    "python": python,
    "javascript": javascript,
}


class Source(Template):
    """Code with `@@name` where something of the model goes; `$` has a meaning of its own there."""

    delimiter = "@@"


def check_languages(languages: Sequence[str]) -> None:
    """Raise a `UserError` for a language that there is no caller for."""
    for name in languages:
        if name not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise UserError(f"no caller for {name!r}{nearest(name, LANGUAGES)}; there are {known}")


def check_strings(languages: Sequence[str], tensors: Mapping[str, Tensor]) -> None:
    """Raise a `UserError` for a language whose runtime lacks strings, where a model takes them.

    Args:
        languages: Which of `LANGUAGES`.
        tensors: Meaning of inputs and outputs, by name.
    """
    named = next((name for name, tensor in tensors.items() if tensor.kind == "string"), None)
    lacking = [name for name in languages if not LANGUAGES[name].TAKES_STRINGS]
    if named is not None and lacking:
        able = " and ".join(name for name, each in LANGUAGES.items() if each.TAKES_STRINGS)
        raise UserError(
            f"this model takes strings ({named}), and the runtime for {lacking[0]} has no tensors "
            f"of them; those for {able} have, and a server's SavedModel takes them, too"
        )


def write_callers(
    folder: Path, languages: Sequence[str], metadata: Metadata, endpoints: Sequence[str]
) -> None:
    """Write `caller/LANGUAGE/` into the folder of an export.

    Args:
        folder: Of the export, with `golden.json`.
        languages: Which of `"kotlin"`, `"swift"`, `"python"` and `"javascript"`.
        metadata: What the files tell of themselves.
        endpoints: Names of those in TFLite files.
    """
    if not languages:
        return
    golden = Golden.read(folder / GOLDEN)
    model = called(metadata.name, metadata.description, golden, metadata.tensors, list(endpoints))
    for name in languages:
        target = folder / "caller" / name
        target.mkdir(parents=True)
        for file, text in sources(model, name).items():
            (target / file).write_text(text, encoding="utf-8")


def sources(model: Called, language: str) -> dict[str, str]:
    """Return the files of a caller, by name."""
    writer = LANGUAGES[language]
    parts = writer.parts(model)
    return {
        writer.file_name(model, kind): _filled(kind + writer.SUFFIX, parts, _chooser(model))
        for kind in ("model", "golden")
    }


def _chooser(model: Called) -> Callable[[str], bool]:
    inputs = [port.meaning.kind for each in model.endpoints for port in each.inputs]
    others = {"image_input": "image" in inputs, "no_words": not model.has("words")}
    others["texts"] = any(port.meaning.length for port in model.ports)
    others["single_words"] = model.has("words") and not others["texts"]
    others["int_buffers"] = any(_is_int_buffer(port, model) for port in model.ports)
    others["several"] = any(len(each.outputs) > 1 for each in model.endpoints)
    return lambda kind: others[kind] if kind in others else model.has(kind)


def _is_int_buffer(port: Port, model: Called) -> bool:
    """Return whether numbers are whole and are not the ids of a text that goes in."""
    goes_in = any(port in each.inputs for each in model.endpoints)
    return port.type == "int32" and not (goes_in and port.meaning.kind == "words")


def _filled(name: str, parts: dict[str, str], is_there: Callable[[str], bool]) -> str:
    """Return a source with what concerns the model: sections of other kinds are left out."""
    text = files("maquette.exporting.callers").joinpath("sources", f"{name}.txt").read_text("utf-8")
    section = re.compile(r"^[ \t]*@@if (\w+)\n(.*?)^[ \t]*@@end\n", re.MULTILINE | re.DOTALL)
    text = section.sub(lambda found: found[2] if is_there(found[1]) else "", text)
    text = re.sub(r"\n{4,}", "\n\n\n", text)
    return Source(text).substitute(parts)
