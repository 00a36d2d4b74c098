"""Cases with answers and outcomes, as the work list and its readers leave them in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from radiolens.bundle import InstalledBundle
from radiolens.inference.record import record
from radiolens.prediction import Finding, Prediction, Presence
from radiolens.store.database import Database
from radiolens.store.schema import (
    LOCAL_USER_ID,
    AnswerRow,
    AnswerStage,
    CaseRow,
    CaseState,
    DiagnosisRow,
    ImageRow,
    ImageState,
    PredictionRow,
)

MOMENT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def probabilities(ill: Sequence[bool], seed: int = 0, shift: float = 2.0) -> list[float]:
    """Return normal scores, those of the ill `shift` standard deviations higher."""
    noise = np.random.default_rng(seed).normal(shift * np.asarray(ill) - shift / 2, 1.0)
    return (1 / (1 + np.exp(-noise))).tolist()


def answer(bundle: InstalledBundle, probability: Mapping[str, float]) -> Prediction:
    """Return what a bundle answers with these probabilities, by a threshold of one half."""
    findings = tuple(
        Finding(label, value, 0.5, Presence.PRESENT if value >= 0.5 else Presence.ABSENT)
        for label, value in probability.items()
    )
    return Prediction(bundle.bundle.task, bundle.identity, findings)


def add_case(
    database: Database,
    answers: Sequence[tuple[Prediction, bool]],
    outcomes: Sequence[Mapping[str, str]] = (),
    *,
    images: int = 1,
    blinded: bool = False,
    read: bool = False,
    closed: bool = False,
) -> CaseRow:
    """Store a case whose images all got these answers (with whether in the shadow), and what tests told of it."""
    with database.session() as session:
        case = CaseRow(
            task="auto",
            created=MOMENT,
            changed=MOMENT,
            created_by=LOCAL_USER_ID,
            blinded=blinded,
            state=CaseState.CLOSED if closed else CaseState.OPEN,
        )
        session.add(case)
        for position in range(images):
            image = ImageRow(case=case, position=position, state=ImageState.ANSWERED, created=MOMENT, changed=MOMENT)
            for prediction, shadow in answers:
                assert prediction.bundle
                session.add(
                    PredictionRow(
                        image=image,
                        bundle_name=prediction.bundle.name,
                        bundle_version=prediction.bundle.version,
                        bundle_sha256=prediction.bundle.sha256,
                        record={key: value for key, value in record("", prediction).items() if key != "path"},
                        shadow=shadow,
                        created=MOMENT,
                    )
                )
        session.flush()
        for presence in outcomes:
            session.add(
                DiagnosisRow(
                    case_id=case.id,
                    presence=dict(presence),
                    test="xpert",
                    user_id=LOCAL_USER_ID,
                    created=database.now(),
                )
            )
        if read:
            session.add(
                AnswerRow(
                    case_id=case.id,
                    user_id=LOCAL_USER_ID,
                    stage=AnswerStage.BEFORE,
                    presence={},
                    created=MOMENT,
                )
            )
        return case


def fill(database: Database, bundle: InstalledBundle, ill: int, well: int, seed: int = 0) -> list[float]:
    """Store cases of people with and without tuberculosis, each with its outcome, and return their probabilities."""
    truth = [number < ill for number in range(ill + well)]
    scores = probabilities(truth, seed)
    for has, score in zip(truth, scores, strict=True):
        outcome = {"tuberculosis": "present" if has else "absent"}
        add_case(database, [(answer(bundle, {"pneumonia": 0.2, "tuberculosis": score}), False)], [outcome])
    return scores
