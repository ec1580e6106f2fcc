"""Projects of one's own: `new`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import maquette
from maquette.gallery import config_class, show
from maquette.parsing import given, parse
from maquette.project_options import NewFromRunOptions, NewOptions
from maquette.template_options import ask_for_template
from maquette.verbs.starting import new_template_verb


def new_verb(words: Sequence[str]) -> None:
    """Make a project: new TEMPLATE DIR, new --from RUN DIR; or a template: new template NAME."""
    if words[:1] == ["template"]:
        new_template_verb(words[1:])
        return
    if given({"from"}, words):
        options = parse(NewFromRunOptions, words, "maquette new", new_verb.__doc__)
        values = dict(options)
        run, folder = values.pop("from_run"), values.pop("directory")
        maquette.new_from_run(run, folder, **values)
    elif not words or words[0].startswith("-"):
        ask_for_template(words, "new")
        return
    else:
        folder = _new(words[0], words[1:])
    print(f"{folder}\nto begin: cd {quote(str(folder))}, and see README.md")


def _new(template: str, words: Sequence[str]) -> Path:
    own = config_class(template)
    combined = type("Options", (own, NewOptions), {"__doc__": own.__doc__})
    summary = f"A project of your own from {show(template).summary}"
    options = dict(parse(combined, words, f"maquette new {template}", summary))
    of_template = given(own.model_fields.keys(), words)
    kept = NewOptions.model_fields.keys() | of_template
    values = {name: value for name, value in options.items() if name in kept}
    return maquette.new(template, values.pop("directory"), **values)
