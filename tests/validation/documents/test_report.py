"""The report: one page that needs nothing else, legible for everybody, and that says what the figures say."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from radiolens.bundle import InstalledBundle
from radiolens.validation.documents.report import report
from tests.chromium import browser

__all__ = ["browser"]  # a fixture that is used here, too

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
FIGURE = re.compile(r"(?<![\d.])-?[01]\.\d{3}(?!\d)")
HEADINGS = (
    "Summary",
    "Pneumonia",
    "Tuberculosis",
    "Prediction sets",
    "Subgroups",
    "Sources, random labels, splits",
    "Robustness",
    "Explanations",
    "Against another bundle",
    "Largest errors",
    "Data",
    "Limits",
    "How this was made",
)


@pytest.fixture(scope="module")
def text(sample: InstalledBundle) -> str:
    return report(sample, sample.folder / "evidence")


def opened(browser: Browser, sample: InstalledBundle, **options: Any) -> Page:  # noqa: ANN401  Playwright's options
    page = browser.new_context(**options).new_page()
    page.goto((sample.folder / "evidence" / "report.html").as_uri())
    return page


def numbers(content: Any) -> Iterator[float]:  # noqa: ANN401  JSON
    if isinstance(content, dict | list):
        for entry in content.values() if isinstance(content, dict) else content:
            yield from numbers(entry)
    elif isinstance(content, float):
        yield content


def test_the_page_has_every_section_and_lists_them(text: str) -> None:
    assert tuple(re.findall(r"<h2[^>]*>(.*?)</h2>", text)) == HEADINGS
    listed = re.findall(r'<li><a href="#([^"]+)">', text)
    assert listed == re.findall(r'<h2 id="([^"]+)">', text)


def test_the_page_asks_for_nothing_else(text: str) -> None:
    plain = re.sub(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+", "", text)
    assert "<script" not in plain
    assert not re.search(r'(src|href)="(?!#)[^"]+"', plain)
    assert "url(" not in plain
    assert "default-src &#39;none&#39;" in plain or "default-src 'none'" in plain


def test_what_a_manifest_says_is_escaped(text: str) -> None:
    assert "<script>alert(1)" not in text
    assert "--output &lt;out&gt;" in text


def test_every_figure_on_the_page_is_one_of_the_evaluation_or_the_bundle(text: str, sample: InstalledBundle) -> None:
    study = json.loads((sample.folder / "evidence" / "evaluation.json").read_text())
    known = {f"{value:.3f}" for value in numbers(study)} | {"0.000"}
    known |= {f"{row['positives'] / (row['positives'] + row['negatives']):.3f}" for row in study["binary"]}
    shown = set(FIGURE.findall(re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)))
    assert len(shown) > 100
    assert shown - known == set()


def test_every_table_has_a_caption_and_every_header_a_scope(text: str) -> None:
    tables = re.findall(r"<table>.*?</table>", text, re.DOTALL)
    assert len(tables) > 10
    for table in tables:
        assert table.count("<caption>") == 1
        assert not re.search(r"<th\b(?! scope=)", table)


def test_without_studies_the_page_says_so(sample: InstalledBundle, tmp_path: Path) -> None:
    study = json.loads((sample.folder / "evidence" / "evaluation.json").read_text())
    for name in ("comparison", "feature_studies", "robustness", "explanations"):
        study[name] = None
    (tmp_path / "evaluation.json").write_text(json.dumps(study))
    text = report(sample, tmp_path)
    assert text.count("Not measured in this evaluation.") == 5
    assert "Against another bundle" not in text


def test_other_evaluations_are_shown_and_called_so(sample: InstalledBundle, tmp_path: Path) -> None:
    evidence = shutil.copytree(sample.folder / "evidence", tmp_path / "evidence")
    folds = evidence / "cross-validation" / "evaluation.json"
    folds.parent.mkdir()
    study = json.loads((evidence / "evaluation.json").read_text())
    study["settings"] = {"note": "Five networks.", "command": "radiolens crossvalidate chest_xray"}
    folds.write_text(json.dumps(study))
    text = report(sample, evidence)
    assert "cross-validation/evaluation.json" in text
    assert "Of other networks than this bundle&#39;s. Five networks. Command:" in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_either_theme_and_the_browser_asks_for_nothing(
    scheme: str, browser: Browser, sample: InstalledBundle
) -> None:
    page = browser.new_context(color_scheme=scheme).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((sample.folder / "evidence" / "report.html").as_uri())
    found = Axe().run(page, options=RULES).response["violations"]
    assert [f"{entry['id']}: {node['html'][:150]}" for entry in found for node in entry["nodes"]] == []
    assert [url[:80] for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []


def test_every_plot_is_drawn_and_described(browser: Browser, sample: InstalledBundle) -> None:
    page = opened(browser, sample)
    sizes = page.evaluate("[...document.images].map(image => [image.naturalWidth, image.alt.length])")
    assert len(sizes) == len(list((sample.folder / "evidence" / "plots").iterdir()))
    assert all(width > 300 and described > 20 for width, described in sizes)


def test_plots_follow_the_theme(browser: Browser, sample: InstalledBundle) -> None:
    plot = min((sample.folder / "evidence" / "plots").glob("roc-*.svg")).as_uri()
    backgrounds = set()
    for scheme in ("light", "dark"):
        page = browser.new_context(color_scheme=scheme).new_page()
        page.goto(plot)
        backgrounds.add(page.evaluate("getComputedStyle(document.querySelector('path')).fill"))
    assert backgrounds == {"rgb(255, 255, 255)", "rgb(27, 34, 41)"}


def test_the_page_reads_well_at_four_times_the_size(browser: Browser, sample: InstalledBundle) -> None:
    page = opened(browser, sample, viewport={"width": 320, "height": 640})  # 1280 at 400 %, WCAG 1.4.10
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
