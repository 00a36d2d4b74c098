"""The first design's interface, by its contract: one word, or a 422 problem."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from radiolens.inference.predict import Predictor
from radiolens.safety.gate import Gate
from tests.phantoms import dicom
from tests.web.serving import film, head_series, png

FILM = png(film())


def post(client: TestClient, choice: str, content: bytes = FILM, field: str = "data") -> Any:  # noqa: ANN401  a response
    return client.post("/upload/", files={field: ("a.png", content)}, data={"choice": choice})


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("1", {"glioma", "meningioma", "no_tumor", "pituitary"}),
        ("2", {"Tuberculosis", "Normal"}),
        ("3", {"Pneumonia", "Normal"}),
        (" 3 ", {"Pneumonia", "Normal"}),
    ],
)
def test_the_answer_is_one_json_string(client: TestClient, choice: str, words: set[str]) -> None:
    answer = post(client, choice)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() in words


@pytest.mark.parametrize("seed", range(4))
def test_the_word_is_the_side_of_the_threshold_or_the_most_probable_label(client: TestClient, seed: int) -> None:
    content, predictor = png(film(seed)), Predictor.open(gate=Gate.HEADER)
    chest = predictor.predict([content], "chest-xray", explain=False)
    for choice, label in (("2", "tuberculosis"), ("3", "pneumonia")):
        finding = chest.finding(label)
        expected = label.capitalize() if finding.probability >= finding.threshold else "Normal"
        assert post(client, choice, content).json() == expected
    brain = predictor.predict([content], "brain-mri", explain=False)
    most_probable = max(brain.findings, key=lambda finding: finding.probability).label
    assert post(client, "1", content).json() == most_probable.replace("tumour", "tumor")


@pytest.mark.parametrize(
    ("choice", "content", "detail"),
    [
        ("3", b"plain text", "no known image"),
        ("3", b"", "empty"),
        ("2", FILM[:200], "damaged"),
        ("3", dicom(film(), Modality="CT", BodyPartExamined="HEAD"), "modality CT"),
        ("9", FILM, "must be 1"),
        ("", FILM, "must be 1"),
    ],
)
def test_what_cannot_be_read_or_is_refused_or_asked_is_a_422_problem(
    client: TestClient, choice: str, content: bytes, detail: str
) -> None:
    answer = post(client, choice, content)
    assert answer.status_code == answer.json()["status"] == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


def test_a_refusal_says_that_it_is_one(client: TestClient) -> None:
    refused = post(client, "3", dicom(film(), Modality="CT")).json()
    assert (refused["outcome"], refused["task"]) == ("refused", "chest-xray")
    assert refused["problems"][0]["code"] == "wrong_modality"


def test_one_word_cannot_leave_a_child_undecided_so_tuberculosis_is_refused_and_pneumonia_answered(
    client: TestClient,
) -> None:
    child = dicom(film(), Modality="DX", BodyPartExamined="CHEST", PatientAge="006Y")
    refused = post(client, "2", child)
    assert (refused.status_code, refused.json()["problems"][0]["code"]) == (422, "outside_intended_use")
    assert "The patient is 6 years old; Tuberculosis is meant from 15 on." in refused.json()["detail"]
    assert post(client, "3", child).json() in {"Pneumonia", "Normal"}
    adult = dicom(film(), Modality="DX", BodyPartExamined="CHEST", PatientAge="046Y")
    assert post(client, "2", adult).json() in {"Tuberculosis", "Normal"}


def test_the_file_must_be_in_its_field(client: TestClient) -> None:
    answer = post(client, "3", field="file")
    assert answer.status_code == 422
    assert "The field 'data' is missing" in answer.json()["detail"]


def test_a_series_is_answered_as_a_whole(client: TestClient) -> None:
    files = [("data", (f"{number}.dcm", content)) for number, content in enumerate(head_series(4))]
    assert client.post("/upload/", files=files, data={"choice": "1"}).json() in {
        "glioma",
        "meningioma",
        "no_tumor",
        "pituitary",
    }
