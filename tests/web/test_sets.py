"""A bundle with prediction sets: what they leave open stands on the page and in the answer alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from radiolens.evaluation.conformal import ConformalSets, Scores, answers_of
from radiolens.tasks import get_task
from tests.tiny_bundle import make_bundle
from tests.web.serving import film, local_client, png

FILM = png(film())
CALIBRATION = 200
EVERYTHING, NOTHING = 0.0, 1.0
"""Calibration cases of these scores leave every answer in a set, or none."""


def sets(task: str, score: float) -> ConformalSets:
    asked = get_task(task)
    answers = answers_of(asked.label_names, exclusive=asked.exclusive)
    scores = {answer: {"clinic": Scores(np.full(CALIBRATION, score), np.arange(CALIBRATION))} for answer in answers}
    return ConformalSets(0.9, asked.exclusive, scores)


def answered(home: Path, task: str, study: str, score: float) -> tuple[dict[str, Any], str]:
    """Return the object and the page of a film, from a bundle whose sets hold every answer or none."""
    make_bundle(home / "bundles", task, version="99.0.0", sets=sets(task, score))
    with local_client(home=home) as client:
        return _object(client, task), _page(client, study)


def _object(client: TestClient, task: str) -> dict[str, Any]:
    answer = client.post("/api/v1/predictions", files={"file": ("a.png", FILM)}, data={"task": task})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def _page(client: TestClient, study: str) -> str:
    script = {"X-Requested-With": "radiolens"}
    return client.post("/", files={"file": ("a.png", FILM)}, data={"study": study}, headers=script).text


@pytest.mark.parametrize(("task", "study"), [("chest-xray", "chest"), ("brain-mri", "brain")])
@pytest.mark.parametrize("score", [EVERYTHING, NOTHING], ids=["every answer", "no answer"])
def test_what_a_set_leaves_open_is_undecided_and_named(tmp_path: Path, task: str, study: str, score: float) -> None:
    content, page = answered(tmp_path, task, study, score)
    labels = list(get_task(task).label_names)
    assert [finding["presence"] for finding in content["findings"]] == ["indeterminate"] * len(labels)
    assert content["prediction_set"] == (labels if score == EVERYTHING else [])
    assert 'data-state="indeterminate"' in page
    assert "have the image read by a radiologist" in page
    assert "the true one is among them in 90 % of images" in page
    assert ("every answer is possible" in page) is (task == "brain-mri" and score == EVERYTHING)
    assert ("fits none of the answers" in page) is (task == "brain-mri" and score == NOTHING)
    assert ("The thresholds are those of the model" in page) is (task == "chest-xray")


def test_a_network_without_sets_promises_none(client: TestClient) -> None:
    home_less = _page(client, "pneumonia")
    bundle = client.app.state.answerer.predictor.bundle("chest-xray")  # type: ignore[attr-defined]  Starlette's
    assert ("is among them in" in home_less) is bool(bundle.coverage)
