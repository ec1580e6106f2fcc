"""Looking at data before a training: `check`."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import maquette
from maquette.checking.cleaning import LIST
from maquette.checking.findings import Finding, Report, plural, printable
from maquette.checking.remedies import remedies
from maquette.parsing import parse
from maquette.printing import print_json, print_table
from maquette.quiet import load_tensorflow
from maquette.template_options import check_options
from maquette.verb_options import CheckOptions

PAGES = Path("saved_models", "checks")
SHOWN = 3  # offenders of a finding


def check_verb(words: Sequence[str]) -> None:
    """Look for what would break a training or falsify its result: maquette check SOURCE."""
    options = parse(check_options(words), words, "maquette check", check_verb.__doc__)
    if options.template:
        load_tensorflow()
    chosen = {k: v for k, v in options if k not in ("as_json", "strict", "report")}
    page = options.report
    if page is None and not options.as_json:
        page = PAGES / f"{_page_name(options)}.html"
    result = maquette.check(**chosen, report=page)
    if options.as_json:
        print_json(result.to_dict())
    else:
        _print(result)
        print("\n".join([*_written(result, options), str(page)]))
    if options.strict and (result.of("error") or result.of("warning")):
        sys.exit(1)


def _page_name(options: CheckOptions) -> str:
    """Return a name for the page that tells the source and may stand in a file's name."""
    name = Path(options.source.partition("?")[0]).absolute().name
    return re.sub(r"[^\w.-]+", "_", printable(name)) or "data"


def _print(result: Report) -> None:
    for finding in result.findings:
        print(f"{finding.severity}: {printable(finding.message)}{_some(finding)}")
        if finding.advice and finding.severity != "note":
            print(f"  {finding.advice}")
    if result.forecast:
        print_table(result.forecast["stages"], "A training of this", decimals=1)
        print(result.forecast["summary"])
    errors, warnings, notes = (len(result.of(name)) for name in ("error", "warning", "note"))
    where = f" in {sum(result.counts.values())} examples" if result.counts else ""
    print(
        f"{plural(errors, 'errors')}, {plural(warnings, 'warnings')}, {plural(notes, 'notes')}"
        f"{where}, after {plural(round(result.seconds), 'seconds')}"
    )


def _written(result: Report, options: CheckOptions) -> list[str]:
    """Return a line for each thing that was asked for and lies there now, other than the page."""
    counts = Counter(remedy.action for remedy in remedies(result))
    lines = []
    if options.list_file:
        lines.append(f"list: {options.list_file}, {plural(counts.total(), 'lines')}")
    if options.fix:
        lines.append(
            f"cleaned copy: {options.fix}, {counts['leave out']} left out, "
            f"{counts['write anew']} written anew; {LIST} in it tells which and why"
        )
    if options.figures:
        lines.append(f"pictures: {options.figures}")
    return lines


def _some(finding: Finding) -> str:
    if not finding.items:
        return ""
    more = len(finding.items) - SHOWN
    shown = "; ".join(map(str, finding.items[:SHOWN]))
    return f": {shown}" + (f" and {more} more" if more > 0 else "")
