"""A network that answers only where it is named, as every imported one: in list and case, and in what leaves them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect

from radiolens.imaging.archive import Member
from radiolens.safety.gate import Gate
from radiolens.store.schema import LOCAL_USER_ID
from tests.tiny_bundle import make_imported
from tests.web.browsing import payload, watched_page
from tests.web.reading.desk import FILM, Desk
from tests.web.serving import head_series, local_client, serving

LONG_MS = 120_000
"""For an answer on a busy machine."""


def install(home: Path) -> Path:
    """Put two imported networks into a home; the one of the chest finds pneumonia in every film."""
    found = {"thresholds": {"pneumonia": 0.05}}
    make_imported(home / "bundles", "pneumonia_model", "chest-xray", ["pneumonia"], seed=1, **found)
    make_imported(home / "bundles", "braintumor")
    return home


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with local_client(home=install(tmp_path_factory.mktemp("named")), gate=Gate.HEADER, max_files=20) as client:
        yield Desk(client)


@pytest.fixture(scope="module")
def case(at: Desk) -> UUID:
    """Give a case that the imported network of the chest answered."""
    (found,) = at.send(("a.png", FILM), bundle="pneumonia_model")
    return found


def test_the_named_network_answers_and_is_told_by_the_interface(at: Desk, case: UUID) -> None:
    told = at.client.get(f"/api/v1/cases/{case}").json()
    assert (told["task"], told["bundle"]) == ("chest-xray", "pneumonia_model")
    answered = told["images"][0]["prediction"]["bundle"]
    assert (answered["name"], answered["calibrated"]) == ("pneumonia_model", False)
    assert [(entry["label"], entry["calibrated"]) for entry in told["findings"]] == [("pneumonia", False)]
    (other,) = at.send(("a.png", FILM))
    told = at.client.get(f"/api/v1/cases/{other}").json()
    assert (told["bundle"], told["images"][0]["prediction"]["bundle"]["name"]) == (None, "chest-xray")


def test_list_and_case_say_which_network_answers_and_that_its_number_is_no_probability(at: Desk, case: UUID) -> None:
    score = at.client.get(f"/api/v1/cases/{case}").json()["findings"][0]["probability"]
    listed = at.page("/cases")
    assert "Whole chest, asked of pneumonia_model" in listed
    assert f"Pneumonia score {score:.2f}" in listed
    page = at.page(f"/cases/{case}")
    assert "Whole chest, asked of pneumonia_model" in page
    assert "Pneumonia suspected (imported network, not calibrated)" in page
    assert f"Pneumonia score {score:.2f}" in page
    assert "Only pneumonia is looked for" in page
    report = at.page(f"/cases/{case}/report")
    assert "Whole chest, asked of pneumonia_model" in report
    assert "Calibration imported network, not calibrated" in report


def test_the_table_says_of_each_number_whether_it_is_a_probability(at: Desk, case: UUID) -> None:
    rows = list(csv.DictReader(io.StringIO(at.client.get("/api/v1/cases.csv").text)))
    (row,) = [row for row in rows if row["case"] == str(case)]
    assert (row["bundle"], row["calibrated"], row["presence"]) == ("pneumonia_model", "no", "present")
    assert {row["calibrated"] for row in rows if row["bundle"] == "chest-xray"} <= {"yes"}


def test_the_slices_of_a_series_have_scores_in_the_report(at: Desk) -> None:
    files = [(f"IM{number}", content) for number, content in enumerate(head_series(3))]
    (series,) = at.send(*files, task="auto", bundle="braintumor")
    told = at.client.get(f"/api/v1/cases/{series}").json()
    assert (told["task"], told["bundle"]) == ("brain-mri", "braintumor"), "the network tells the study"
    by_slice = told["images"][0]["prediction"]["slices"][0]["findings"][0]
    report = at.page(f"/cases/{series}/report")
    assert f"{by_slice['probability']:.2f}, {by_slice['presence']}" in report
    assert "%" not in report.split("Slices")[1].split("Limits")[0]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            {"bundle": "lung"},
            "no bundle 'lung'. Bundles: brain-ct, brain-mri, chest-xray, braintumor, ",
        ),
        ({"bundle": "braintumor", "task": "chest-xray"}, "answers brain-mri, not chest-xray"),
    ],
)
def test_a_network_that_cannot_answer_is_refused_before_anything_is_taken(
    at: Desk, asked: dict[str, str], told: str
) -> None:
    before = at.client.get("/api/v1/cases").json()["total"]
    answer = at.client.post("/api/v1/cases", files={"file": ("a.png", FILM)}, data=asked)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert at.client.get("/api/v1/cases").json()["total"] == before


def test_one_that_is_taken_away_before_its_turn_leaves_no_answer_of_another(at: Desk) -> None:
    accepted = at.work_list.accept([Member("a.png", FILM)], "chest-xray", LOCAL_USER_ID, bundle="taken_away")
    at.wait()
    (image,) = at.client.get(f"/api/v1/cases/{accepted.cases[0].case_id}").json()["images"]
    assert (image["state"], image["prediction"]) == ("failed", None)
    assert "no bundle 'taken_away'" in image["problems"][0]["message"]


def test_the_page_offers_the_networks_behind_the_studies(at: Desk) -> None:
    page = at.client.get("/cases").text
    assert '<option value="chest-xray" data-bundle="pneumonia_model">' in page
    assert "pneumonia_model (imported network, not calibrated)" in page
    assert page.index('<option value="chest-xray">') < page.index("data-bundle")


@pytest.mark.slow
def test_a_named_network_is_chosen_in_the_browser(browser: Browser, tmp_path: Path) -> None:
    with serving(install(tmp_path)) as desk, watched_page(browser, desk, "/cases") as page:
        choice = page.locator("[name=task]").first
        choice.select_option(label="pneumonia_model (imported network, not calibrated)")
        page.set_input_files("#files", [payload("a.png", FILM)])
        link = page.locator("#queue a").last
        expect(link).not_to_have_text("waiting for the network", timeout=LONG_MS)
        link.click()
        expect(page.locator("#panel")).to_contain_text("An imported network answered.", timeout=LONG_MS)
        expect(page.locator("main")).to_contain_text("Whole chest, asked of pneumonia_model")
