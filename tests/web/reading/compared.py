"""Closed cases with a reader, a network and a truth, straight into a database: scoring hundreds would take long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from radiolens.inference.record import record
from radiolens.prediction import BundleIdentity, Finding, Prediction, Presence
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

SHA256 = "ab" * 32


@dataclass(frozen=True)
class Judged:
    """Decisions on tuberculosis: of the reader alone, the network, the reader in the end, and the truth."""

    before: Presence
    network: Presence
    final: Presence
    truth: Presence


def keep(database: Database, cases: Iterable[Judged]) -> None:
    """Keep a closed case for each."""
    with database.session() as session:
        for judged in cases:
            session.add_all(_rows(database, judged))


def _rows(database: Database, judged: Judged) -> list[object]:
    now, case, image = database.now(), uuid4(), uuid4()
    finding = Finding("tuberculosis", 0.7, 0.5, judged.network)
    told = record("", Prediction("chest-xray", BundleIdentity("chest-xray", "1.0.0", SHA256), (finding,)))
    del told["path"]
    answer = {"case_id": case, "user_id": LOCAL_USER_ID, "created": now}
    return [
        CaseRow(
            id=case, task="chest-xray", blinded=True, state=CaseState.CLOSED, created=now, changed=now,
            created_by=LOCAL_USER_ID, closed=now,
        ),
        ImageRow(id=image, case_id=case, state=ImageState.ANSWERED, created=now, changed=now),
        PredictionRow(image_id=image, bundle_sha256=SHA256, record=told, created=now),
        AnswerRow(**answer, stage=AnswerStage.BEFORE, presence={"tuberculosis": judged.before}),
        AnswerRow(**answer, stage=AnswerStage.AFTER, presence={"tuberculosis": judged.final}, agreed=True),
        DiagnosisRow(**answer, presence={"tuberculosis": judged.truth}, test="Xpert"),
    ]  # fmt: skip
