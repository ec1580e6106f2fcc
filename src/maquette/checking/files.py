"""Files and rows that the data leaves out, each kind of fault by its own name."""

from __future__ import annotations

from typing import NamedTuple

from maquette.checking.findings import Finding, Severity, singly
from maquette.left_out import LeftOut


class Fault(NamedTuple):
    """A kind of fault, told by how its reason begins."""

    begins: str
    severity: Severity
    kind: str
    message: str
    advice: str


REPLACE = "they are left out; replace or remove them"
PERMIT = "change their permissions"
FAULTS = (
    Fault("empty file", "error", "empty_file", "empty files", REPLACE),
    Fault("truncated", "error", "truncated", "files that end too early", REPLACE),
    Fault(
        "not an image", "error", "not_an_image", "files that are no images, by whatever name",
        REPLACE,
    ),
    Fault("not text", "error", "not_text", "files that are no text, by whatever name", REPLACE),
    Fault("damaged", "error", "damaged", "damaged files", REPLACE),
    Fault("too large", "error", "too_large", "images too large to be safe", "make them smaller"),
    Fault("not a file", "error", "broken_link", "links that lead nowhere", REPLACE),
    Fault("cannot be opened", "error", "closed_file", "files that may not be read", PERMIT),
    Fault(
        "its class has no", "error", "class_not_in_train", "examples of classes that train lacks",
        "they are left out: move some to train, or mend the name of the class",
    ),
    Fault(
        "its class has", "error", "class_too_small", "examples of classes with too few of them",
        "they are left out: add examples, or remove the class",
    ),
    Fault("among the broken lines", "error", "broken_line", "lines that are broken", REPLACE),
    Fault("among the lines without a text", "error", "empty_text", "lines without a text", REPLACE),
    Fault("among the lines without a label", "error", "no_label", "lines without a label", REPLACE),
    Fault(
        "outside any class", "warning", "outside_classes", "files outside any class folder",
        "they are left out: move them into a class",
    ),
    Fault(
        "of another kind", "note", "other_files", "files of another kind", "they are passed over",
    ),
    Fault("", "error", "left_out", "parts that are left out", "see the reason of each"),
)  # fmt: skip


def file_findings(left_out: tuple[LeftOut, ...]) -> list[Finding]:
    """Return findings on all that the source holds and the data does not.

    Args:
        left_out: as the data has it.
    """
    by_fault: dict[Fault, list[LeftOut]] = {}
    for part in left_out:
        by_fault.setdefault(_fault(part), []).append(part)
    return [
        Finding(
            fault.severity,
            fault.kind,
            f"{fault.message}: {len(parts)}",
            singly([part.name for part in parts], [part.reason for part in parts]),
            fault.advice,
        )
        for fault, parts in by_fault.items()
    ]


def _fault(part: LeftOut) -> Fault:
    return next(fault for fault in FAULTS if part.reason.startswith(fault.begins))
