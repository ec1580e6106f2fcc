"""Keeping a project up to date: `diff`, `update`."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

import maquette
from maquette.parsing import parse
from maquette.printing import print_json
from maquette.project_options import DiffOptions, UpdateOptions
from maquette.updating.changes import MEANINGS
from maquette.updating.update import Update, require_no_conflicts


def diff_verb(words: Sequence[str]) -> None:
    """Show what changed in the template since your project was made, or what you have changed."""
    options = parse(DiffOptions, words, "maquette diff", diff_verb.__doc__)
    found = maquette.diff(options.project, mine=options.mine)
    if options.as_json:
        print_json(found.to_dict())
        return
    print("".join(file.diff for file in found.files), end="")
    print("\n".join(found.notes) + "\n" if found.notes else "", end="")
    if not found.files:
        print(f"nothing differs between {found.before} and {found.after}")


def update_verb(words: Sequence[str]) -> None:
    """Merge what changed in the template into your project; what you have changed stays."""
    options = parse(UpdateOptions, words, "maquette update", update_verb.__doc__)
    done = maquette.update(options.project, dry_run=options.dry_run)
    if options.as_json:
        print_json(done.to_dict())
    else:
        _print(done, options.dry_run)
    if not options.dry_run:
        require_no_conflicts(done)


def _print(done: Update, dry_run: bool) -> None:
    for change in done.changes:
        print(f"{change.kind:<9} {change.path} ({MEANINGS[change.kind]})")
    print("".join(f"note: {note}\n" for note in done.notes), end="")
    if not done.changes:
        print(f"nothing to do: the files are those of maquette {done.after}")
    elif dry_run:
        print(f"nothing was changed; from maquette {done.before} to {done.after} it would be so")
    else:
        folder, backup = quote(str(done.project)), quote(str(done.backup))
        print(f"from maquette {done.before} to {done.after}; to go back: cp -r {backup}/. {folder}")
