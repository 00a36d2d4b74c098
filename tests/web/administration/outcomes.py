"""Cases with answers and outcomes, as the work list and its readers leave them in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np

from radiolens.bundle import InstalledBundle
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
from radiolens.worklist.results import kept_record

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
    said: Mapping[AnswerStage, Mapping[str, str]] = MappingProxyType({}),
    closed: bool = False,
) -> CaseRow:
    """Store a case whose images all got these answers (with whether in the shadow).

    `outcomes` is what tests told of it, `said` what a reader answered by stage.
    """
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
                        record=kept_record(prediction),
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
        for stage, presence in said.items():
            session.add(
                AnswerRow(case_id=case.id, user_id=LOCAL_USER_ID, stage=stage, presence=dict(presence), created=MOMENT)
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
