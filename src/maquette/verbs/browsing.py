"""What there is, and whether it works here: `list`, `show`, `quickstart`, `doctor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import maquette
from maquette.callback_gallery import list_callbacks
from maquette.errors import UserError
from maquette.parsing import parse
from maquette.printing import print_json
from maquette.quiet import load_tensorflow
from maquette.source_gallery import list_sources
from maquette.verb_options import DoctorOptions, ListOptions, QuickstartOptions, ShowOptions

EXAMPLE = "'reviews.csv?target=stars&text=review'"


def list_verb(words: Sequence[str]) -> None:
    """List the templates, or what --data can be."""
    options = parse(ListOptions, words, "maquette list", list_verb.__doc__)
    if options.callbacks and options.data:
        raise UserError("list takes one of --callbacks and --data; received both")
    if options.data:
        _list_data(options.as_json)
        return
    cards = list_callbacks() if options.callbacks else maquette.list()
    if options.as_json:
        print_json([card.to_dict() for card in cards])
        return
    width = max(len(card.name) for card in cards)
    for card in cards:
        package = f" ({card.package})" if card.package else ""
        print(f"{card.name:<{width}}  {card.problem or card.summary + package}")


def _list_data(as_json: bool) -> None:
    cards = list_sources()
    if as_json:
        print_json([card.to_dict() for card in cards])
        return
    width = max(len(card.form) for card in cards)
    for is_embedded, heading in (
        (True, "Embedded:"),
        (False, "Your own, divided by you or by us:"),
    ):
        print(heading)
        for card in cards:
            if card.is_embedded == is_embedded:
                print(f"  {card.form:<{width}}  {card.summary}")
    print(f"Columns may stand in the source, too: {EXAMPLE}")


def show_verb(words: Sequence[str]) -> None:
    """Show a template's card and its options."""
    from maquette.gallery import config_class, template_path

    options = parse(ShowOptions, words, "maquette show", show_verb.__doc__)
    card = maquette.show(options.template)
    fields = config_class(options.template).model_fields
    if options.as_json:
        schema = config_class(options.template).model_json_schema()["properties"]
        print_json({**card.to_dict(), "options": schema})
        return
    print(f"{card.text}\n\nOptions:")
    width = max(len(name) for name in fields) + 2
    for name, field in fields.items():
        option = "--" + name.replace("_", "-")
        print(f"  {option:<{width}}  {field.description} (default: {field.default})")
    print(f"\nFile: {template_path(options.template)}")


def quickstart_verb(words: Sequence[str]) -> None:
    """Fine-tune a digit recogniser, check it, and export it for a phone, in a few minutes."""
    options = parse(QuickstartOptions, words, "maquette quickstart", quickstart_verb.__doc__)
    load_tensorflow()
    print(maquette.quickstart(options.out))


def doctor_verb(words: Sequence[str]) -> None:
    """Check the installation, and say what is wrong and the line that mends it."""
    from dataclasses import asdict

    from maquette.installation import format_checks

    options = parse(DoctorOptions, words, "maquette doctor", doctor_verb.__doc__)
    checks = maquette.doctor()
    if options.as_json:
        print_json([asdict(check) for check in checks])
    else:
        print(format_checks(checks))
    if any(check.status == "problem" for check in checks):
        sys.exit(1)
