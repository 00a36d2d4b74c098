"""The page of a search: importance against a function that is known, and the page itself in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from radiolens.training.tuning.search import Choice, LogUniform, Search, Uniform
from radiolens.training.tuning.study_storage import StudyStorage, open_storage, sqlite_url
from radiolens.training.tuning.trials import Ending, Place, Plan, note, places, run_next, worker
from radiolens.training.tuning.tune_page import importance, write_page
from tests.chromium import browser

__all__ = ["browser"]  # a fixture that is used here, too

SPACE = {"learning_rate": LogUniform(1e-4, 1e-1), "dropout": Uniform(0, 1), "batch_size": Choice((8, 16))}
SEARCH = Search(SPACE, trials=12)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def objective(trial: optuna.Trial, place: int) -> float:
    """Depend on dropout alone; every fourth trial is stopped early."""
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_categorical("batch_size", ["8", "16"])
    loss = (trial.suggest_float("dropout", 0.0, 1.0) - 0.3) ** 2
    trial.report(loss + 1, 0)
    if place % 4 == 0:
        note(trial, "stopped <b>by</b> the pruner")
        raise optuna.TrialPruned
    trial.report(loss, 1)
    return loss


def study_of(storage: StudyStorage, name: str, wanted: int, folder: Path) -> optuna.Study:
    study = optuna.create_study(storage=storage.trials, study_name=name)
    plan = Plan(wanted, {}, lambda place: optuna.samplers.RandomSampler(seed=place), objective)
    with worker(folder) as own:
        while run_next(study, storage, own, plan):
            pass
    return study


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[optuna.Study, optuna.Study]]:
    """Return a study of twelve trials, and one of two."""
    folder = tmp_path_factory.mktemp("page")
    with open_storage(sqlite_url(folder / "study.sqlite")) as storage:
        yield study_of(storage, "twelve <i>", 12, folder), study_of(storage, "two", 2, folder)


def page_of(study: optuna.Study, file: Path, found: dict[int, Place] | None = None) -> str:
    write_page(file, study, "sqlite:///x", SEARCH, tuple((found or places(study)).values()))
    return file.read_text(encoding="utf-8")


def test_importance_finds_what_the_loss_depends_on(studies: tuple[optuna.Study, optuna.Study]) -> None:
    shares = importance(studies[0])
    assert shares.keys() == SEARCH.space.keys()
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["dropout"] > 0.8
    assert importance(studies[1]) == {}  # of two trials it would only tell which was better


def test_the_page_shows_every_trial_and_needs_nothing_else(
    studies: tuple[optuna.Study, optuna.Study], tmp_path: Path
) -> None:
    text = page_of(studies[0], tmp_path / "tune.html")
    for place in places(studies[0]).values():
        assert f"{place.loss:.4f}" in text
        assert f"{place.values['dropout']:.4g}" in text
    assert "12 of 12 trials are over:" in text
    assert "9 finished, 3 stopped early" in text
    assert "stopped &lt;b&gt;by&lt;/b&gt; the pruner" in text
    assert "Search of twelve &lt;i&gt;" in text
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', text) == []
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_the_same_trials_give_the_same_page(studies: tuple[optuna.Study, optuna.Study], tmp_path: Path) -> None:
    assert page_of(studies[0], tmp_path / "a.html") == page_of(studies[0], tmp_path / "b.html")


def test_a_young_search_has_a_page(studies: tuple[optuna.Study, optuna.Study], tmp_path: Path) -> None:
    assert "Told from 4 finished trials on" in page_of(studies[1], tmp_path / "two.html")
    begun = replace(places(studies[1])[1], ending=Ending.RUNNING, losses={0: 0.7}, loss=None)
    text = page_of(studies[1], tmp_path / "begun.html", {1: begun})
    assert "1 running." in text
    assert 'aria-label="Validation loss by epoch' in text
    first = replace(places(studies[1])[1], losses={}, values={}, loss=None)
    assert "No trial has finished yet." in page_of(studies[1], tmp_path / "first.html", {1: first})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_in_both_themes_and_axe_finds_nothing(
    scheme: str, browser: Browser, studies: tuple[optuna.Study, optuna.Study], tmp_path: Path
) -> None:
    page_of(studies[0], tmp_path / "tune.html")
    with browser.new_context(color_scheme=scheme, viewport={"width": 800, "height": 1000}) as context:
        page = context.new_page()
        told: list[str] = []
        page.on("request", lambda request: told.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        page.goto((tmp_path / "tune.html").as_uri())
        assert told == [(tmp_path / "tune.html").as_uri()]
        found = Axe().run(page, options=RULES).response["violations"]
        assert [f"{entry['id']}: {node['html'][:150]}" for entry in found for node in entry["nodes"]] == []
        assert page.locator("svg[role=img]").count() == 4
        for plot in page.locator("svg[role=img]").all():
            box = plot.bounding_box()
            assert box is not None
            assert box["width"] > 400
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        ink = page.evaluate("getComputedStyle(document.querySelector('svg .axes, svg g[id$=xtick_1] use')).fill")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (brightness(ink) > brightness(paper)) is (scheme == "dark")  # the plots follow the page


def brightness(colour: str) -> int:
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])
