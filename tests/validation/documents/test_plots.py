"""Plots: the same every time, well-formed, with colours that tell series apart in both themes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path

import pytest

from radiolens.bundle import InstalledBundle
from radiolens.validation.documents.plots import draw_plots
from radiolens.validation.questions import questions
from tests.validation.evidence_sample import content, films
from tests.validation.scored_cases import CHEST, THRESHOLDS

KINDS = ("decision-curve", "histograms", "precision-recall", "reliability", "risk-coverage", "roc")


@pytest.fixture(scope="module")
def plots(sample: InstalledBundle) -> dict[str, str]:
    return {file.name: file.read_text() for file in (sample.folder / "evidence" / "plots").iterdir()}


def test_each_question_has_its_plots(plots: dict[str, str]) -> None:
    expected = {f"{kind}-{question}.svg" for kind in KINDS for question in ("pneumonia", "tuberculosis")}
    assert set(plots) == expected | {"overview.svg", "robustness-pneumonia.svg"}


def test_each_is_an_svg_that_refers_to_nothing_outside(plots: dict[str, str]) -> None:
    for text in plots.values():
        assert ElementTree.fromstring(text).tag.endswith("}svg")  # noqa: S314  written by the program itself
        assert set(re.findall(r"https?://[^\"' ]+", text)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }
        assert not re.search(r'href="(?!#)', text)


def test_the_same_figures_give_the_same_files_and_older_plots_go(
    plots: dict[str, str], sample: InstalledBundle, tmp_path: Path
) -> None:
    (tmp_path / "roc-older-question.svg").write_text("<svg/>")
    told: list[tuple[int, int]] = []
    asked = questions(CHEST, films(), THRESHOLDS)
    draw_plots(asked, content(sample.sha256), tmp_path, lambda done, total: told.append((done, total)))
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == plots
    assert told[-1] == (len(plots), len(plots))


def test_nothing_to_draw_gives_no_plots(sample: InstalledBundle, tmp_path: Path) -> None:
    study = {**content(sample.sha256), "binary": [], "robustness": None}
    assert draw_plots((), study, tmp_path) == ()


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_of_series_stand_out_from_the_panel_in_both_themes(plots: dict[str, str]) -> None:
    style = re.search(r"<style>svg\{(.*?)\}@media \(prefers-color-scheme:dark\)\{svg\{(.*?)\}", plots["overview.svg"])
    assert style
    for theme in style.groups():
        colours = dict(re.findall(r"--(c\d+):(#[0-9a-f]{6})", theme))
        panel = luminance(colours["c3"])
        series = [colours[f"c{number}"] for number in range(4, 12)]
        for colour in series:
            light, dark = sorted((luminance(colour), panel), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5
        assert all(first != second for first, second in combinations(series, 2))
