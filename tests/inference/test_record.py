"""The contract's object, and profiles from JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radiolens.errors import BundleError, InputError, RejectedImage, UnreadableImage, UnsupportedImage
from radiolens.inference.profile_file import read_profile
from radiolens.inference.record import KEYS, prediction_from_record, record
from radiolens.prediction import BundleIdentity, Finding, Prediction, Presence, SliceFindings
from radiolens.profile import Profile
from radiolens.quality import Problem, ProblemCode, Quality

FINDING = Finding("glioma", 0.1 + 0.2, 0.5, Presence.INDETERMINATE)
ANSWER = Prediction(
    "brain-mri",
    BundleIdentity("brain-mri", "0.1.0", "ab" * 32),
    (FINDING,),
    ("glioma", "meningioma"),
    (SliceFindings(3, (FINDING,)), SliceFindings(5, (FINDING,))),
    seconds=0.25,
)
REFUSAL = Quality((Problem.found(ProblemCode.TOO_DARK, "Dark."), Problem.found(ProblemCode.CROPPED, "Cut.")))


def test_an_answer_is_told_whole() -> None:
    finding = {"label": "glioma", "probability": 0.1 + 0.2, "threshold": 0.5, "presence": "indeterminate"}
    assert record("a.dcm", ANSWER) == {
        "path": "a.dcm",
        "status": "answered",
        "task": "brain-mri",
        "problems": [],
        "findings": [finding],
        "prediction_set": ["glioma", "meningioma"],
        "slices": [{"index": 3, "findings": [finding]}, {"index": 5, "findings": [finding]}],
        "bundle": {"name": "brain-mri", "version": "0.1.0", "sha256": "ab" * 32},
        "seconds": 0.25,
    }


def test_a_network_that_is_not_calibrated_says_so_in_its_bundle() -> None:
    imported = replace(ANSWER, bundle=BundleIdentity("braintumor", "1.0.0", "ab" * 32, calibrated=False))
    told = record("a.dcm", imported)
    assert told["bundle"] == {"name": "braintumor", "version": "1.0.0", "sha256": "ab" * 32, "calibrated": False}
    assert prediction_from_record(told).bundle == imported.bundle


@pytest.mark.parametrize("prediction", [ANSWER, Prediction("chest-xray", None, quality=REFUSAL, seconds=0.5)])
def test_what_is_answered_or_refused_survives_json(prediction: Prediction) -> None:
    back = prediction_from_record(json.loads(json.dumps(record("a", prediction))))
    for name in ("task", "bundle", "findings", "prediction_set", "slices", "quality", "seconds"):
        assert getattr(back, name) == getattr(prediction, name)


@pytest.mark.parametrize(
    ("error", "status", "codes"),
    [
        (UnreadableImage("Cut."), "unreadable", ["unreadable"]),
        (UnreadableImage("Large.", ProblemCode.TOO_LARGE), "unreadable", ["too_large"]),
        (InputError("Wrong."), "unreadable", ["unreadable"]),
        (UnsupportedImage("Knee.", ProblemCode.WRONG_BODY_PART), "refused", ["wrong_body_part"]),
        (RejectedImage(REFUSAL), "refused", ["too_dark", "cropped"]),
    ],
)
def test_an_error_is_told_with_the_same_keys(error: InputError, status: str, codes: list[str]) -> None:
    row = record("a.png", error, 1.23456)
    assert tuple(row) == KEYS
    assert (row["status"], row["seconds"], row["findings"], row["bundle"]) == (status, 1.2346, [], None)
    assert [problem["code"] for problem in row["problems"]] == codes
    assert all(list(problem) == ["code", "message"] for problem in row["problems"])


CONTENT = {
    "site": "clinic",
    "bundle_sha256": "ab",
    "thresholds": {"pneumonia": 1, "tuberculosis": 0.25},
    "evidence": "x",
}


def test_a_profile_is_read(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps(CONTENT))
    assert read_profile(file) == Profile("clinic", "ab", {"pneumonia": 1.0, "tuberculosis": 0.25}, "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected an object with bundle_sha256, evidence, site, thresholds"),
        ({"site": "clinic"}, "expected an object with"),
        (CONTENT | {"more": 1}, "expected an object with"),
        (CONTENT | {"thresholds": [0.5]}, "thresholds must give each label a number from 0 on"),
        (CONTENT | {"thresholds": {"pneumonia": True}}, "thresholds must give each label a number"),
        (CONTENT | {"thresholds": {"pneumonia": -0.1}}, "thresholds must give each label a number"),
        (CONTENT | {"thresholds": {"pneumonia": float("nan")}}, "thresholds must give each label a number"),
    ],
)
def test_what_is_no_profile_is_refused_with_what_to_do(content: Any, message: str, tmp_path: Path) -> None:  # noqa: ANN401  any wrong content
    file = tmp_path / "p.json"
    file.write_text(json.dumps(content))
    with pytest.raises(BundleError, match=rf"not a profile of thresholds \(.*{message}.*Plan the thresholds again"):
        read_profile(file)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_a_file_that_is_no_json_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_bytes(content)
    for place in (file, tmp_path / "none.json"):
        with pytest.raises(BundleError, match="not a profile of thresholds"):
            read_profile(place)
