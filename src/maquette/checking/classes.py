"""Classes: missing in a split, of very different sizes, too few examples to judge by."""

from __future__ import annotations

from maquette.checking.findings import Finding, Item, plural, singly
from maquette.checking.rows import Rows
from maquette.splits import IMBALANCE_RATIO

FEW_JUDGED = 1000
Z = 1.96  # of the 95 % interval


def class_findings(rows: Rows) -> list[Finding]:
    """Return what the number of examples of each class in each split tells."""
    return [*_unjudged(rows), *_imbalance(rows), *_few_judged(rows), *_shifted(rows)]


def _unjudged(rows: Rows) -> list[Finding]:
    items = [
        Item((label,), f"none in {split}, {counts['train']} in train")
        for label, counts in rows.per_class().items()
        for split in counts
        if not counts[split] and counts.get("train")
    ]
    if not items:
        return []
    message = f"classes that a split has no {rows.noun} of: {len({i.names for i in items})}"
    advice = "they are learned and not judged there: move some examples"
    return [Finding("warning", "class_not_judged", message, tuple(items), advice)]


def _imbalance(rows: Rows) -> list[Finding]:
    counts = {label: splits.get("train", 0) for label, splits in rows.per_class().items()}
    most, least = max(counts, key=counts.get), min(counts, key=counts.get)
    if not counts[least] or counts[most] < IMBALANCE_RATIO * counts[least]:
        return []
    ratio = counts[most] / counts[least]
    message = f"classes are imbalanced: {counts[most]} {most}, {counts[least]} {least} in train"
    items = singly([most, least], [f"{counts[most]} in train", f"{counts[least]} in train"])
    advice = f"the largest has {ratio:.0f} times the smallest's: --class-weights balances them"
    return [Finding("warning", "imbalance", message, items, advice)]


def _few_judged(rows: Rows) -> list[Finding]:
    split = "test" if "test" in rows.sizes else "validation"
    count = rows.sizes.get(split, 0)
    if not 0 < count < FEW_JUDGED:
        return []
    points = 100 * Z * (0.9 * 0.1 / count) ** 0.5
    message = (
        f"{plural(count, rows.noun)} to judge by in {split}: an accuracy of 90 % is uncertain by "
        f"{points:.0f} points either way"
    )
    advice = "differences smaller than that are chance; `maquette compare` tests them"
    return [Finding("note", "few_to_judge_by", message, (), advice)]


def _shifted(rows: Rows) -> list[Finding]:
    """Tell of splits in which classes have other shares than in train, beyond chance."""
    from scipy.stats import chi2_contingency

    per_class = [counts for counts in rows.per_class().values() if counts.get("train")]
    findings = []
    for split in (s for s in rows.sizes if s != "train" and len(per_class) > 1):
        table = [[counts["train"], counts[split]] for counts in per_class]
        column = sum(row[1] for row in table)
        train = sum(row[0] for row in table)
        expected = [row[0] / train * column for row in table] if train else [0]
        if min(expected) < 5:  # too few for the test
            continue
        if chi2_contingency(table).pvalue < 1e-6:
            shares = {
                label: (counts["train"] / train, counts[split] / column)
                for label, counts in rows.per_class().items()
                if counts.get("train")
            }
            label = max(shares, key=lambda name: abs(shares[name][0] - shares[name][1]))
            first, second = shares[label]
            message = (
                f"classes have other shares in {split}: {label} {second:.0%}, {first:.0%} in train"
            )
            advice = "the score is that of another mixture than was learned: divide at random"
            findings.append(Finding("warning", "other_shares", message, singly([label]), advice))
    return findings
