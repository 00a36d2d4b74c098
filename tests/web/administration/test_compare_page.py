"""Two versions on the same images: agreement, kappa and differences, and the page that shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from starlette.testclient import TestClient

from radiolens.bundle import InstalledBundle, read_bundle
from radiolens.prediction import Presence
from radiolens.web.administration.outcomes import Answered, Pair
from radiolens.web.administration.version_comparison import LabelComparison, compare
from tests.tiny_bundle import make_bundle
from tests.web.administration.outcomes import add_case, answer, probabilities
from tests.web.serving import local_client

LABEL = "tuberculosis"


def answered(case: UUID, probability: float) -> Answered:
    presence = Presence.PRESENT if probability >= 0.5 else Presence.ABSENT
    return Answered(uuid4(), case, {LABEL: probability}, {LABEL: presence})


def pairs(first: list[float], second: list[float], cases: list[UUID]) -> list[Pair]:
    return [
        Pair(uuid4(), case, answered(case, one), answered(case, other))
        for one, other, case in zip(first, second, cases, strict=True)
    ]


def test_agreement_and_gain_are_those_of_scikit_learn() -> None:
    truth = [number < 20 for number in range(60)]
    first, second, cases = probabilities(truth), probabilities(truth, 1, 3.0), [uuid4() for _ in truth]
    known = {
        case: {LABEL: Presence.PRESENT if has else Presence.ABSENT} for case, has in zip(cases, truth, strict=True)
    }
    found = compare(pairs(first, second, cases), [LABEL], known)
    (label,) = found.labels
    decided = np.asarray(first) >= 0.5, np.asarray(second) >= 0.5
    assert (found.images, found.cases, label.known) == (60, 60, 60)
    assert label.agreement.share.estimate == pytest.approx(np.mean(decided[0] == decided[1]))
    assert label.agreement.kappa.estimate == pytest.approx(cohen_kappa_score(*decided))
    assert label.agreement.kappa.low < label.agreement.kappa.estimate < label.agreement.kappa.high
    assert sum(label.table.values()) == 60
    assert label.table[Presence.PRESENT, Presence.ABSENT] == (decided[0] & ~decided[1]).sum()
    assert label.active_auroc is not None
    assert label.gain is not None
    assert label.active_auroc.estimate == pytest.approx(roc_auc_score(truth, first))
    assert label.gain.estimate == pytest.approx(roc_auc_score(truth, second) - roc_auc_score(truth, first))
    apart = [abs(entry.active[1] - entry.shadow[1]) for entry in found.differences]
    assert len(apart) == (decided[0] != decided[1]).sum()
    assert apart == sorted(apart, reverse=True)


def judged(cases: int, images: int) -> LabelComparison:
    """Return the comparison of so many cases, half of them with the label, of so many like images each."""
    truth = [number % 2 == 0 for number in range(cases)]
    ids = [uuid4() for _ in truth]
    known = {case: {LABEL: Presence.PRESENT if has else Presence.ABSENT} for case, has in zip(ids, truth, strict=True)}
    first, second = (probabilities(truth, seed) * images for seed in (0, 1))
    (label,) = compare(pairs(first, second, ids * images), [LABEL], known).labels
    return label


def test_images_of_a_case_are_taken_together_in_every_interval() -> None:
    alone, together = judged(60, 1), judged(60, 4)
    assert (alone.known, together.known) == (60, 240)
    for one, other in (
        (alone.agreement.share, together.agreement.share),
        (alone.active_auroc, together.active_auroc),
        (alone.gain, together.gain),
    ):
        assert one is not None
        assert other is not None
        assert one.estimate == pytest.approx(other.estimate)
        assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.15)  # as copies tell nothing


def test_ten_cases_of_each_class_are_needed_whatever_images_they_have() -> None:
    assert judged(18, 5).gain is judged(18, 5).active_auroc is None
    assert judged(20, 2).gain is not None


def test_refusals_are_counted_and_without_outcomes_nobody_is_called_better() -> None:
    case = uuid4()
    refused = [Pair(uuid4(), case, answered(case, 0.9), None), Pair(uuid4(), case, None, answered(case, 0.9))]
    found = compare([*pairs([0.9, 0.1], [0.8, 0.2], [case, case]), *refused], [LABEL], {})
    assert (found.images, found.cases, found.refused_by_shadow, found.differences) == (2, 1, 1, ())
    assert found.labels[0].gain is None
    assert compare(refused, [LABEL], {}).labels == ()


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, InstalledBundle, InstalledBundle]:
    home = tmp_path_factory.mktemp("home")
    old, new = (read_bundle(make_bundle(home / "bundles", seed=n, version=f"{n}.0.0")) for n in (7, 8))
    return home, old, new


@pytest.fixture(scope="module")
def client(versions: tuple[Path, InstalledBundle, InstalledBundle]) -> Iterator[TestClient]:
    with local_client(home=versions[0], gate="header") as found:
        yield found


def test_the_page_compares_the_active_version_with_the_shadow(
    client: TestClient, versions: tuple[Path, InstalledBundle, InstalledBundle]
) -> None:
    _, old, new = versions
    nothing = client.get("/models/compare/chest-xray")
    assert (nothing.status_code, nothing.json()["title"]) == (404, "Nothing to compare")
    client.post(f"/models/{old.sha256}/activate")
    client.post(f"/models/{new.sha256}/shadow")
    assert "No image was answered by both yet." in client.get("/models/compare/chest-xray").text
    assert "/models/compare/chest-xray" in client.get("/models").text
    database = client.app.state.database  # type: ignore[attr-defined]  the app is a FastAPI
    for number in range(12):
        shadow = 0.9 if number in (3, 4) else 0.1
        both = [
            (answer(old, {"pneumonia": 0.7, LABEL: 0.2}), False),
            (answer(new, {"pneumonia": 0.7, LABEL: shadow}), True),
        ]
        case = add_case(database, both)
    hidden = add_case(database, both, blinded=True)
    page = client.get("/models/compare/chest-xray").text
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "chest-xray: 7.0.0 answers, 8.0.0 runs in the shadow" in told
    assert "Both answered 12 images of 12 cases." in told
    assert "Agreement: the same decision 83.3 % (55.2 % to 95.3 %)" in told
    assert "not defined: one of them decided the same of all images" in told
    assert "2 decisions differ" in told
    assert "absent, 20.0 % present, 90.0 %" in told
    assert str(hidden.id) not in page
    assert case.id != hidden.id
    client.post(f"/models/{new.sha256}/end-shadow")
