"""Imported networks beside the released ones: chosen by name, marked wherever they answer, harmless if broken."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from radiolens.bundle import RELEASED
from radiolens.inference.predict import Predictor
from radiolens.inference.record import KEYS
from radiolens.safety.gate import Gate
from radiolens.web import schemas
from radiolens.web.studies import bundle_studies
from tests.phantoms import CT, dicom, head_slice
from tests.tiny_bundle import make_bundle, make_imported
from tests.web.imported import FIRST_DESIGN, UPLOAD_BUNDLES, fill_home
from tests.web.serving import film, head_series, local_client, png

FILM = png(film())
(VERSION,) = (folder.name for folder in (RELEASED / "chest-xray").iterdir())
"""Of the released chest bundle, which replaces the one before it."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_home(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[TestClient]:
    with local_client(home=home) as found:
        yield found


@pytest.fixture(scope="module")
def first_design(home: Path) -> Iterator[TestClient]:
    with local_client(home=home, upload_bundles=UPLOAD_BUNDLES) as found:
        yield found


@pytest.fixture(scope="module")
def predictor(home: Path) -> Predictor:
    return Predictor.open([RELEASED, home / "bundles"], gate=Gate.HEADER)


def ask(client: TestClient, content: bytes = FILM, **fields: str) -> Any:  # noqa: ANN401  a response
    return client.post("/api/v1/predictions", files={"file": ("a.png", content)}, data=fields)


def upload(client: TestClient, choice: str, content: bytes = FILM, **fields: str) -> Any:  # noqa: ANN401  a response
    return client.post("/upload/", files={"data": ("a.png", content)}, data={"choice": choice, **fields})


def analyse(client: TestClient, study: str, content: bytes = FILM) -> str:
    return client.post("/", files={"file": ("a.png", content)}, data={"study": study}).text


def test_the_tasks_list_their_bundles_the_default_first(site: TestClient) -> None:
    rows = {row["name"]: row["bundles"] for row in site.get("/api/v1/tasks").json()}
    told = {task: [(row["name"], row["default"], row["calibrated"]) for row in found] for task, found in rows.items()}
    assert told == {
        "chest-xray": [
            ("chest-xray", True, True),
            ("Tuberculosis_model", False, False),
            ("pneumonia_model", False, False),
        ],
        "brain-mri": [("brain-mri", True, True), ("braintumor", False, False)],
        "brain-ct": [("brain-ct", True, True)],
    }
    (imported,) = [row for row in rows["brain-mri"] if row["name"] == "braintumor"]
    assert imported["labels"] == ["glioma", "meningioma", "no_tumour", "pituitary"]
    assert imported["explanation"] == "occlusion-map"


def test_a_prediction_by_a_named_bundle_says_that_it_is_not_calibrated(site: TestClient, predictor: Predictor) -> None:
    content = ask(site, task="chest-xray", bundle="Tuberculosis_model").json()
    assert tuple(content) == KEYS
    assert [finding["label"] for finding in content["findings"]] == ["tuberculosis"]
    assert content["bundle"] == {
        "name": "Tuberculosis_model",
        "version": "0.0.1",
        "sha256": predictor.shelf.installed.get("Tuberculosis_model").sha256,
        "calibrated": False,
    }
    schemas.Prediction.model_validate(content)
    expected = predictor.predict([FILM], "chest-xray", explain=False, bundle="Tuberculosis_model").findings[0]
    assert content["findings"][0]["probability"] == expected.probability


@pytest.mark.parametrize("fields", [{"task": "chest-xray"}, {"task": "chest-xray", "bundle": " "}])
def test_without_a_name_the_released_bundle_answers_as_before(site: TestClient, fields: dict[str, str]) -> None:
    content = ask(site, **fields).json()
    assert content["bundle"].keys() == {"name", "version", "sha256"}
    assert content["bundle"]["name"] == "chest-xray"


def test_a_bundle_alone_names_the_task_too(site: TestClient) -> None:
    content = ask(site, bundle="braintumor").json()
    assert (content["status"], content["task"], len(content["findings"])) == ("answered", "brain-mri", 4)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        (
            {"task": "chest-xray", "bundle": "lung"},
            (
                "no bundle 'lung'. Bundles: brain-ct, brain-mri, chest-xray, Tuberculosis_model, braintumor, "
                "pneumonia_model."
            ),
        ),
        (
            {"task": "chest-xray", "bundle": "braintumor"},
            "not chest-xray. Bundles of chest-xray: chest-xray, Tuberculosis_model, pneumonia_model.",
        ),
        ({"bundle": "../../etc"}, "There is no bundle '../../etc'."),
    ],
)
def test_a_bundle_that_does_not_answer_is_a_422_that_says_what_there_is(
    site: TestClient, fields: dict[str, str], detail: str
) -> None:
    answer = ask(site, **fields)
    assert (answer.status_code, answer.json()["title"]) == (422, "Unknown bundle")
    assert detail in answer.json()["detail"]


def expected_word(predictor: Predictor, choice: str, content: bytes) -> str:
    task = "brain-mri" if choice == "1" else "chest-xray"
    findings = predictor.predict([content], task, explain=False, bundle=FIRST_DESIGN[choice]).findings
    if choice == "1":
        return max(findings, key=lambda finding: finding.probability).label.replace("tumour", "tumor")
    (finding,) = findings
    return finding.label.capitalize() if finding.probability >= finding.threshold else "Normal"


@pytest.mark.parametrize("choice", ["1", "2", "3"])
@pytest.mark.parametrize("seed", range(3))
def test_the_first_designs_clients_get_the_imported_networks_words_unchanged(
    first_design: TestClient, predictor: Predictor, choice: str, seed: int
) -> None:
    content = png(film(seed))
    answer = upload(first_design, choice, content)
    assert answer.status_code == 200
    assert answer.json() == expected_word(predictor, choice, content)


def test_a_field_names_the_network_of_one_upload(
    site: TestClient, first_design: TestClient, predictor: Predictor
) -> None:
    for choice, name in FIRST_DESIGN.items():
        assert upload(site, choice, bundle=name).json() == expected_word(predictor, choice, FILM)
    released = upload(site, "3").json()
    assert upload(first_design, "3", bundle="chest-xray").json() == released


@pytest.mark.parametrize(
    ("choice", "name", "detail"),
    [
        ("3", "Tuberculosis_model", "answers tuberculosis; choice 3 asks for pneumonia. Bundles of chest-xray:"),
        ("1", "Tuberculosis_model", "answers chest-xray, not brain-mri"),
        ("2", "lung", "There is no bundle 'lung'"),
    ],
)
def test_a_network_that_does_not_answer_the_choice_is_told(
    site: TestClient, choice: str, name: str, detail: str
) -> None:
    answer = upload(site, choice, bundle=name)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("lung", "There is no bundle 'lung'"),
        ("braintumor", "answers brain-mri, not chest-xray"),
        ("pneumonia_model", "choice 2 asks for tuberculosis"),
    ],
)
def test_a_setting_that_does_not_fit_refuses_its_choice_alone(
    home: Path, name: str, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), local_client(home=home, upload_bundles=f"2={name}") as client:
        answer = upload(client, "2")
        assert (answer.status_code, answer.json()["status"]) == (503, 503)
        assert "RADIOLENS_UPLOAD_BUNDLES" in answer.json()["detail"]
        assert detail in answer.json()["detail"]
        assert upload(client, "3").json() in {"Pneumonia", "Normal"}
        assert upload(client, "2", bundle="Tuberculosis_model").status_code == 200
    assert "choice 2 of /upload/ is not answered" in caplog.text


def test_labels_that_do_not_exclude_one_another_have_no_most_probable_one(tmp_path: Path) -> None:
    make_imported(tmp_path / "bundles", "glioma_model", labels=["glioma"], exclusive=False)
    with local_client(home=tmp_path) as client:
        assert "do not exclude one another" in upload(client, "1", bundle="glioma_model").json()["detail"]
        page = analyse(client, "bundle:glioma_model", head_series(1)[0])
    assert re.search(r"(No glioma found|Glioma suspected) \(imported network, not calibrated\)", page)


def test_the_page_offers_imported_networks_apart_from_the_released_ones(
    site: TestClient, client: TestClient, predictor: Predictor
) -> None:
    page = site.get("/").text
    assert "Imported networks: not calibrated, not measured by radiolens" in page
    for study in bundle_studies(predictor.shelf.installed):
        assert f'value="{study.key}"' in page
    assert "Imported networks" not in client.get("/").text


@pytest.mark.parametrize("name", FIRST_DESIGN.values())
def test_an_imported_networks_card_is_marked_and_shows_scores_and_an_occlusion_map(
    site: TestClient, predictor: Predictor, name: str
) -> None:
    page = analyse(site, f"bundle:{name}")
    (card,) = re.findall(r"<article.*?</article>", page, re.DOTALL)
    assert re.search(r"<h2[^>]*>[^<]*\(imported network, not calibrated\)</h2>", card)
    assert "An imported network answered." in card
    assert "(imported, not calibrated, not measured by radiolens)" in card
    assert "not a calibrated probability" in card
    assert "network's estimate of how likely" not in card
    task = predictor.shelf.installed.get(name).bundle.task
    for finding in predictor.predict([FILM], task, explain=False, bundle=name).findings:
        assert re.search(rf"<strong>score {finding.probability:.2f}\d*</strong>", card)
    assert not re.search(r"\d %", re.sub("90 %", "", card))
    assert "<legend>Occlusion map</legend>" in card
    assert "hidden one after the other" in card
    assert re.search(rf'value="bundle:{name}" checked', page)


def test_a_network_of_one_finding_promises_no_other(site: TestClient) -> None:
    page = analyse(site, "bundle:Tuberculosis_model")
    assert "Only tuberculosis is looked for; every other disease is missed." in page
    assert "Only pneumonia" not in page
    assert "<dt>Pneumonia</dt>" not in page
    assert re.search(r"(No tuberculosis found|Tuberculosis suspected) \(imported", page)


def test_a_released_networks_card_bears_no_mark(site: TestClient) -> None:
    page = analyse(site, "chest")
    (card,) = re.findall(r"<article.*?</article>", page, re.DOTALL)
    assert "mported" not in card
    assert "<legend>Heat map</legend>" in card


def test_a_sites_own_calibrated_network_is_offered_without_that_mark(tmp_path: Path) -> None:
    make_imported(tmp_path / "bundles", "ours", calibrated=True)
    with local_client(home=tmp_path) as client:
        page = client.get("/").text
        assert "Other networks of this site" in page
        assert "Imported networks" not in page
        card = analyse(client, "bundle:ours", head_series(1)[0])
        results = card.split('<section id="results"')[1].split("</section>")[0]
        assert "imported" not in results
        assert "The percentage is the network" in results


def test_a_site_bundle_in_the_place_of_the_released_one_promises_no_more_than_it_answers(tmp_path: Path) -> None:
    make_imported(tmp_path / "bundles", "chest-xray", "chest-xray", ["tuberculosis"], (64, 64, 1), 1, "99.0.0")
    with local_client(home=tmp_path) as client:
        whole = analyse(client, "chest")
        assert re.search(r"(No tuberculosis found|Tuberculosis suspected) \(imported network, not calibrated\)", whole)
        assert "No pneumonia" not in whole
        assert "Only tuberculosis is looked for; every other disease is missed." in whole
        other = analyse(client, "pneumonia")
        assert "Not analysed: nothing installed answers this study" in other
        assert "chest-xray 99.0.0, which is installed for this study, answers tuberculosis." in other
        refused = upload(client, "3")
        assert (refused.status_code, refused.json()["title"]) == (503, "The program is not set up rightly")
        assert upload(client, "2").json() in {"Tuberculosis", "Normal"}
        assert ask(client, task="chest-xray").json()["bundle"]["calibrated"] is False


def test_a_sites_own_network_of_more_findings_answers_them_all(tmp_path: Path) -> None:
    make_bundle(tmp_path / "bundles", "brain-ct", version="99.0.0")
    with local_client(home=tmp_path) as client:
        assert 'value="bundle:brain-ct"' not in client.get("/").text  # the study asks it
        page = analyse(client, "head-ct", dicom(head_slice(), SOPClassUID=CT, Modality="CT", RescaleSlope=1))
        assert re.search(r"No intracranial haemorrhage or brain tumour found|suspected|Undecided", page)
        assert "<dt>Brain tumour</dt>" in page
        assert "imported" not in re.findall(r"<article.*?</article>", page, re.DOTALL)[0]


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Return a home with one good bundle and three that cannot be used, each for another reason."""
    home = fill_home(tmp_path)
    bundles = home / "bundles"
    (bundles / "braintumor" / "0.0.1" / "model.onnx").write_bytes(b"cut")
    (bundles / "pneumonia_model" / "0.0.1" / "bundle.json").write_bytes(b"{")
    newer = make_bundle(bundles, version="99.0.0")
    (newer / "golden.npz").unlink()
    return home


def test_bundles_that_cannot_be_used_take_nothing_else_down_and_are_told(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), local_client(home=damaged, upload_bundles="1=braintumor") as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        told = {(row["name"], row["version"]): row["reason"] for row in ready.json()["unusable"]}
        assert told.keys() == {("braintumor", "0.0.1"), ("pneumonia_model", "0.0.1"), ("chest-xray", "99.0.0")}
        assert "has another SHA-256" in told["braintumor", "0.0.1"]
        schemas.Readiness.model_validate(ready.json())
        names = [row["name"] for task in client.get("/api/v1/tasks").json() for row in task["bundles"]]
        assert names == ["chest-xray", "Tuberculosis_model", "brain-mri", "brain-ct"]
        released = ask(client, task="chest-xray").json()
        assert (released["status"], released["bundle"]["version"]) == ("answered", VERSION)
        assert ask(client, bundle="Tuberculosis_model").json()["status"] == "answered"
        broken = ask(client, bundle="braintumor")
        assert (broken.status_code, broken.json()["title"]) == (503, "The bundle cannot be used")
        assert "has another SHA-256" in broken.json()["detail"]
        assert upload(client, "1").status_code == 503
        page = client.get("/").text
        for name in ("braintumor 0.0.1", "pneumonia_model 0.0.1", "chest-xray 99.0.0"):
            assert f"The bundle {name} cannot be used." in page
            assert f"{name} cannot be used." in caplog.text
        assert 'value="bundle:braintumor"' not in page
    assert f"chest-xray {VERSION} answers in its place." in caplog.text
