"""The report: one page with all that a run left, which needs no other file."""

from __future__ import annotations

import base64
import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from maquette import Run
from maquette.reporting import page as report_page
from maquette.reporting import report
from maquette.reporting.report import CURVES

ROWS = [
    {
        "format": "float32",
        "file": "model_float32.tflite",
        "bytes": 14_680_000,
        "accuracy": 0.912345,
        "agreement": 1.0,
        "largest_error": 1e-6,
        "latency_ms": 0.123,
        "sha256": "ab" * 32,
        "endpoints": {},
        "failures": [],
    },
    {
        "format": "int8",
        "file": "model_int8.tflite",
        "bytes": None,
        "accuracy": 0.5,
        "agreement": 0.6,
        "largest_error": 0.4,
        "latency_ms": None,
        "sha256": None,
        "endpoints": {},
        "failures": ["accuracy fell by 0.41"],
    },
]


class Page(HTMLParser):
    """What a browser makes of a page: its tags in order, its text, and the cells of its tables."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.rows: list[list[str]] = []
        self.text = self.heading = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.named("h1") and not self.named("p"):
            self.heading += data
        if self.tags and self.tags[-1][0] in ("td", "th"):
            self.rows[-1][-1] += data

    def named(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(digits_run: Run) -> Page:
    return Page((digits_run.path / "report.html").read_text(encoding="utf-8"))


def rewritten(run: Run) -> Page:
    return Page(report.write(run).read_text(encoding="utf-8"))


def test_the_report_needs_no_other_file(digits_run: Run, page: Page):
    text = (digits_run.path / "report.html").read_text(encoding="utf-8")
    assert not page.named("script")
    assert not page.named("link")
    assert all("href" not in attributes for _, attributes in page.tags)
    assert not re.search(r"url\(|@import", text)
    assert all(image["src"].startswith("data:image/") for image in page.named("img"))


def test_the_report_shows_every_figure_of_the_run(digits_run: Run, page: Page):
    pictures = [base64.b64decode(i["src"].partition(",")[2]) for i in page.named("img")]
    files = {f.read_bytes() for f in (digits_run.path / "figures").iterdir() if f.stem != CURVES}
    assert files == set(pictures[2:])


def test_the_figures_go_from_the_training_to_its_mistakes_to_the_template(page: Page):
    assert [image["alt"] for image in page.named("img")] == [
        "Learning curve of accuracy",
        "Learning curve of loss",
        "Confusion matrix",
        "Most wrong",
        "First layer",
    ]


def test_a_figure_that_was_only_half_written_is_left_out(copied_run: Run, page: Page):
    (copied_run.path / "figures" / ".most_wrong-x1.png").write_bytes(b"half")
    assert len(rewritten(copied_run).named("img")) == len(page.named("img"))


def test_the_report_has_the_figures_of_each_class(digits_run: Run, page: Page):
    assert ["Class", "Precision", "Recall", "F1", "Images"] in page.rows
    for split in ("validation", "test"):
        for row in digits_run.metrics[split]["tables"]["Classes"]:
            cells = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values()]
            assert cells in page.rows


def test_the_splits_stand_in_one_table_test_first(digits_run: Run, page: Page):
    metrics = digits_run.metrics
    scores = {s: [f"{v:.4f}" for v in metrics[s]["metrics"].values()] for s in metrics}
    assert page.rows[0] == ["Split", "Accuracy", "Balanced accuracy", "Macro F1", "Cross entropy"]
    assert page.rows[1:3] == [["test", *scores["test"]], ["validation", *scores["validation"]]]


def test_numbers_are_aligned_right_and_have_four_decimals():
    html = report_page.table([{"class": "7", "f1": 1.0, "images": 3}])
    assert "<th>Class</th>" in html
    assert "<td>7</td>" in html
    assert '<td class="number">1.0000</td><td class="number">3</td>' in html


def test_large_numbers_have_one_decimal_in_the_whole_column():
    html = report_page.table([{"mae": 1578.727}, {"mae": 12.5}])
    assert '<th class="number">MAE</th>' in html
    assert '<td class="number">1578.7</td>' in html
    assert '<td class="number">12.5</td>' in html


def test_a_long_table_is_folded(copied_run: Run, page: Page):
    assert len(page.named("details")) == 1  # The configuration.
    metrics = copied_run.metrics
    row = metrics["test"]["tables"]["Classes"][0]
    metrics["test"]["tables"]["Classes"] = [row] * 21
    copied_run.save_metrics(metrics)
    assert len(rewritten(copied_run).named("details")) == 2


def test_the_heading_has_the_name_of_the_run(page: Page):
    assert page.heading == "mlp digits"


def test_the_report_begins_with_the_score_on_test(digits_run: Run, page: Page):
    accuracy = digits_run.metrics["test"]["metrics"]["accuracy"]
    assert f"On the test split:{accuracy:.4f}Accuracy" in page.text


def test_the_report_has_the_whole_record(digits_run: Run, page: Page):
    assert (digits_run.path / "config.yaml").read_text(encoding="utf-8") in page.text
    assert f"seed {digits_run.record['seed']}" in page.text
    assert "digits (1258 train, 270 validation, 269 test)" in page.text


def test_before_an_export_the_report_tells_how_to_export(digits_run: Run, page: Page):
    assert f"Not exported yet: maquette export {digits_run.path}" in page.text


def test_the_command_that_exports_can_be_copied(copied_run: Run):
    run = Run(copied_run.path.rename(copied_run.path.parent / "my holiday"))
    assert f"maquette export '{run.path}'" in rewritten(run).text


def test_after_an_export_the_report_has_its_table(copied_run: Run):
    folder = copied_run.path / "export"
    folder.mkdir()
    (folder / "export.json").write_text(json.dumps({"files": ROWS}))
    page = rewritten(copied_run)
    assert "Not exported yet" not in page.text
    assert page.rows[-3:] == [
        ["Format", "File", "Accuracy", "Agreement", "Latency (ms)", "Size (MB)", "Made", "Gate"],
        [
            "float32",
            "model_float32.tflite",
            "0.9123",
            "1.0000",
            "0.12",
            "14.68",
            "as it is",
            "passed",
        ],
        ["int8", "model_int8.tflite", "0.5000", "0.6000", "", "", "", "accuracy fell by 0.41"],
    ]


def marked(page: Page, mark: str) -> int:
    return sum(attributes.get("class") == mark for _, attributes in page.tags)


def test_what_failed_the_gate_is_named_and_red(copied_run: Run):
    (copied_run.path / "export").mkdir()
    file = copied_run.path / "export" / "export.json"
    file.write_text(json.dumps({"files": ROWS}))
    page = rewritten(copied_run)
    assert "Did not pass, and left out: int8." in page.text
    assert marked(page, "bad") == 2
    file.write_text(json.dumps({"files": ROWS[:1]}))
    page = rewritten(copied_run)
    assert "All passed." in page.text
    assert (marked(page, "good"), marked(page, "bad")) == (2, 0)


def test_names_of_the_user_are_text_and_not_markup(copied_run: Run):
    name = "<script>alert('&')</script>"
    metrics = copied_run.metrics
    metrics["test"]["tables"]["Classes"][0]["class"] = name
    metrics["test"]["tables"][name] = [{name: 0}]
    copied_run.save_metrics(metrics)
    copied_run.record["data"]["source"] = name
    page = rewritten(copied_run)
    assert not page.named("script")
    assert [name] in page.rows
    assert [row[0] for row in page.rows].count(name) == 2
    assert f"data {name}" in page.text


def test_without_a_test_split_the_report_begins_with_validation(copied_run: Run):
    copied_run.save_metrics({"validation": copied_run.metrics["validation"]})
    page = rewritten(copied_run)
    assert "On the validation split:" in page.text
    assert [row[0] for row in page.rows[:2]] == ["Split", "validation"]


def test_sections_without_content_are_left_out(copied_run: Run):
    for name in ("metrics.json", "history.csv"):
        (copied_run.path / name).unlink()
    shutil.rmtree(copied_run.path / "figures")
    text = report.write(copied_run).read_text(encoding="utf-8")
    assert re.findall("<h2>(.*?)</h2>", text) == ["Export", "Configuration"]
    assert "split:" not in text
