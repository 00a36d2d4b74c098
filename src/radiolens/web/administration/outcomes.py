"""What the site's own cases tell of a network: its answers, joined with what another test found later.

Only what the viewer may see counts (`radiolens.worklist.disclosure`), so that no sum tells of a hidden answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from radiolens import evaluation
from radiolens.prediction import Presence
from radiolens.store.schema import CaseRow, DiagnosisRow, ImageRow, PredictionRow
from radiolens.worklist.disclosure import disclosed_to
from radiolens.worklist.truth import told_by_tests

if TYPE_CHECKING:  # loaded when it is first used, since it brings scipy
    from radiolens.evaluation import LocalCases

__all__ = ["Answered", "Pair", "answered_by", "diagnoses", "local_cases", "pairs"]


@dataclass(frozen=True)
class Answered:
    """One image that a bundle answered: its case, and the probability and the decision on each label."""

    image_id: UUID
    case_id: UUID
    probabilities: Mapping[str, float]
    presences: Mapping[str, Presence]


@dataclass(frozen=True)
class Pair:
    """What two bundles answered to one image; None where one of them refused it."""

    image_id: UUID
    case_id: UUID
    first: Answered | None
    second: Answered | None


def answered_by(session: Session, viewer: UUID, sha256: str) -> tuple[Answered, ...]:
    """Return the images that a bundle answered, as the active one or in the shadow, in the order of the answers."""
    found = (_answered(*row) for row in session.execute(_answers(viewer, sha256)))
    return tuple({entry.image_id: entry for entry in found if entry.probabilities}.values())


def pairs(session: Session, viewer: UUID, active: str, shadow: str) -> tuple[Pair, ...]:
    """Return the images that both bundles were asked about, the one of the hash `shadow` in the shadow."""
    query = _answers(viewer, active).where(PredictionRow.shadow.is_(False))
    first = {entry.image_id: entry for entry in (_answered(*row) for row in session.execute(query))}
    query = _answers(viewer, shadow).where(PredictionRow.shadow.is_(True))
    second = {entry.image_id: entry for entry in (_answered(*row) for row in session.execute(query))}
    both = [entry for entry in first.values() if entry.image_id in second]
    return tuple(
        Pair(entry.image_id, entry.case_id, _if_answered(entry), _if_answered(second[entry.image_id])) for entry in both
    )


def diagnoses(session: Session) -> Mapping[UUID, Mapping[str, Presence]]:
    """Return what is known of each case by another test: of each label the last word, unless it is indeterminate."""
    found: dict[UUID, list[DiagnosisRow]] = {}
    for row in session.scalars(select(DiagnosisRow).order_by(DiagnosisRow.created)):
        found.setdefault(row.case_id, []).append(row)
    return {case_id: _known(told_by_tests(rows)) for case_id, rows in found.items()}


def local_cases(
    answered: Sequence[Answered], known: Mapping[UUID, Mapping[str, Presence]], label: str, *, exclusive: bool
) -> LocalCases:
    """Return the images whose case is known to have the label or not, by what `diagnoses` returns.

    Of exclusive labels a row can be called only where the label is the likeliest.
    """
    rows = [entry for entry in answered if label in known.get(entry.case_id, {})]
    return evaluation.LocalCases(
        truth=np.asarray([known[entry.case_id][label] is Presence.PRESENT for entry in rows], bool),
        scores=np.asarray([entry.probabilities[label] for entry in rows], np.float64),
        patients=np.asarray([str(entry.case_id) for entry in rows], np.str_),
        callable_rows=np.asarray([not exclusive or _likeliest(entry) == label for entry in rows], bool),
    )


def _known(told: Mapping[str, Presence]) -> Mapping[str, Presence]:
    return {label: presence for label, presence in told.items() if presence is not Presence.INDETERMINATE}


def _likeliest(entry: Answered) -> str:
    return max(entry.probabilities, key=lambda label: entry.probabilities[label])


def _answers(viewer: UUID, sha256: str) -> Any:  # noqa: ANN401  a query of three columns
    return (
        select(ImageRow.id, ImageRow.case_id, PredictionRow.record)
        .join(PredictionRow, PredictionRow.image_id == ImageRow.id)
        .join(CaseRow, CaseRow.id == ImageRow.case_id)
        .where(PredictionRow.bundle_sha256 == sha256, disclosed_to(viewer))
        .order_by(PredictionRow.created, ImageRow.id)
    )


def _answered(image_id: UUID, case_id: UUID, record: Mapping[str, Any]) -> Answered:
    findings = record["findings"]
    return Answered(
        image_id,
        case_id,
        {entry["label"]: entry["probability"] for entry in findings},
        {entry["label"]: Presence(entry["presence"]) for entry in findings},
    )


def _if_answered(entry: Answered) -> Answered | None:
    return entry if entry.probabilities else None
