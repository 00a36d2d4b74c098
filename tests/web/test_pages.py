"""The pages as they leave the server: the same with and without a script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from radiolens.inference.installed import find_installed
from radiolens.tasks import TASKS
from radiolens.web.pages import DISCLAIMER, FIRST_DESIGN_FILES, lying_files
from radiolens.web.studies import STUDIES
from tests.phantoms import dicom
from tests.tiny_bundle import make_imported
from tests.web.screenshot import LARGEST_BYTES, SCREENSHOT
from tests.web.serving import film, head_series, png

FILM = png(film())
SCRIPT = {"X-Requested-With": "radiolens"}


def analyse(client: TestClient, *files: tuple[str, bytes], study: str = "chest", script: bool = False) -> Any:  # noqa: ANN401  a response
    return client.post(
        "/", files=[("file", file) for file in files], data={"study": study}, headers=SCRIPT if script else {}
    )


def test_the_start_page_offers_every_study_and_says_what_it_is_and_is_not(client: TestClient) -> None:
    page = client.get("/").text
    for study in STUDIES:
        assert study.title in page
        assert study.hint in page
    assert DISCLAIMER in page
    assert "gone after the answer" in page
    assert client.head("/").status_code == client.head("/docs").status_code == 200
    assert client.head("/").content == b""


def test_the_image_may_choose_the_study(client: TestClient) -> None:
    told = dicom(film(), Modality="CR", BodyPartExamined="CHEST", ViewPosition="PA")
    page = analyse(client, ("a.dcm", told), study="auto", script=True).text
    assert "Study: Chest X-ray, chosen by the image" in page
    assert "<dt>Pneumonia</dt>" in page
    unsure = analyse(
        client, ("a.dcm", dicom(film(), Modality="CR", BodyPartExamined="KNEE")), study="auto", script=True
    )
    assert "task_undetermined" in unsure.text or "wrong_body_part" in unsure.text
    assert "Study: Not sure" in unsure.text
    assert "--task" not in unsure.text


@pytest.mark.parametrize(("age", "child"), [("004Y", True), ("044Y", False)])
def test_a_childs_film_is_answered_for_pneumonia_and_tuberculosis_is_left_open(
    client: TestClient, age: str, *, child: bool
) -> None:
    content = dicom(film(), Modality="CR", BodyPartExamined="CHEST", ViewPosition="PA", PatientAge=age)
    page = analyse(client, ("a.dcm", content), script=True).text
    assert re.search(r"<dt>Pneumonia</dt>\s*<dd><strong>", page)
    assert ("Not decided: it is meant for patients of 15 years and older" in page) is child
    assert ("Heat map of tuberculosis" not in page) is child
    assert ("not meant for this age" in page) is child


def test_what_is_not_released_is_shown_with_its_reason(client: TestClient) -> None:
    page = client.get("/").text
    reasons = [label.why_unreleased for task in TASKS for label in task.labels if not label.released]
    assert reasons
    assert "Not released: brain tumour (Brain CT)" in page
    for reason in reasons:
        assert reason in page


def test_a_page_without_script_holds_the_form_and_the_answers(client: TestClient) -> None:
    page = analyse(client, ("a.png", FILM), ("b.png", b"text"), study="tuberculosis").text
    assert page.count("<article") == 2
    assert "<form" in page
    assert re.search(r'value="tuberculosis" checked', page)
    assert "<title>Results - radiolens</title>" in page


def test_the_script_gets_the_answers_alone(client: TestClient) -> None:
    part = analyse(client, ("a.png", FILM), script=True).text
    assert part.count("<article") == 1
    assert "<html" not in part


def test_beside_a_heat_map_stands_what_was_measured_of_such_maps(client: TestClient) -> None:
    told = analyse(client, ("slice.png", FILM), study="brain", script=True).text
    assert "the strongest place of such a map lay on or beside it in" in told
    assert "the middle of the picture in" in told


def test_no_page_says_healthy(client: TestClient) -> None:
    for study in STUDIES:
        for seed in range(3):
            page = analyse(client, ("a.png", png(film(seed))), study=study.key).text
            assert "healthy" not in page.lower()
            assert "No normal" not in page


@pytest.mark.parametrize(
    ("study", "files", "status", "text"),
    [
        ("chest", [], 422, "No image was chosen"),
        ("chest", [("", b"")], 422, "No image was chosen"),
        ("knee", [("a.png", FILM)], 422, "Choose one of chest, pneumonia, tuberculosis, brain, head-ct, auto."),
        ("chest", [("a.png", bytes(31_000_000))], 413, "larger than 30 MB"),
        ("chest", [("a.png", b"x")] * 21, 413, "may hold 20 files"),
    ],
    ids=["no file", "empty form", "unknown study", "too large", "too many"],
)
def test_what_is_wrong_with_a_request_is_told_on_the_page_and_to_the_script(
    client: TestClient, study: str, files: list[tuple[str, bytes]], status: int, text: str
) -> None:
    files = files or [("", b"")]
    page = analyse(client, *files, study=study)
    assert page.status_code == status
    assert re.search(r'role="alert"[^\n]*Nothing was analysed', page.text)
    assert text in page.text
    told = analyse(client, *files, study=study, script=True)
    assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")
    assert text in told.json()["detail"]


@pytest.mark.parametrize("name", ["<script>x</script>.png", '"onload="x.png', "{{ 7 * 7 }}.png", "a" * 5000])
def test_a_file_name_is_text_and_nothing_else(client: TestClient, name: str) -> None:
    page = analyse(client, (name, FILM), (name, b"text")).text
    assert "<script>x" not in page
    assert '"onload=' not in page
    assert "49.png" not in page


def test_what_a_header_says_is_text_and_nothing_else(client: TestClient) -> None:
    content = dicom(film(), Modality="CR", BodyPartExamined="ELBOWS").replace(b"ELBOWS", b"<B>LEG")
    page = analyse(client, ("a.dcm", content)).text
    assert "&lt;B&gt;LEG" in page
    assert "<B>LEG" not in page


def test_the_patients_name_is_on_no_page(client: TestClient) -> None:
    content = dicom(film(), PatientName="Doe^Jane", PatientID="ID4711", BodyPartExamined="CHEST", ViewPosition="PA")
    page = analyse(client, ("a.dcm", content)).text
    assert "<dt>Pneumonia</dt>" in page
    assert not re.search(r"Doe|Jane|ID4711", re.sub(r"base64,[^\"]+", "", page))


def test_a_series_of_files_is_one_answer_that_names_the_slice(client: TestClient) -> None:
    files = [(f"{number}.dcm", content) for number, content in enumerate(head_series(6))]
    page = analyse(client, *files, study="brain").text
    assert page.count("<article") == 1
    assert "0.dcm</bdi> and 5 more of its series" in page
    assert re.search(r"Slice [2-5] of 6, the one with the highest probability of \w+", page)


def test_networks_of_the_first_design_are_noticed_by_their_names_until_they_are_imported(tmp_path: Path) -> None:
    nothing = find_installed([])
    assert lying_files(tmp_path, nothing) == ()
    for name in (*FIRST_DESIGN_FILES, "other.h5"):
        (tmp_path / name).touch()
    assert lying_files(tmp_path, nothing) == FIRST_DESIGN_FILES
    make_imported(tmp_path / "bundles", "Tuberculosis_model", "chest-xray", ["tuberculosis"])
    assert lying_files(tmp_path, find_installed([tmp_path / "bundles"])) == ("braintumor.h5", "pneumonia_model.h5")
    (tmp_path / FIRST_DESIGN_FILES[0]).unlink()
    (tmp_path / FIRST_DESIGN_FILES[0]).mkdir()  # a folder of that name is no network
    assert lying_files(tmp_path, nothing) == FIRST_DESIGN_FILES[1:]


def test_the_picture_in_the_readme_is_no_burden_on_the_repository() -> None:
    assert 10_000 < SCREENSHOT.stat().st_size <= LARGEST_BYTES
