"""The case as a JSON object: the same report for programs. Its keys are part of docs/contracts.md."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from radiolens.prediction import Presence
from radiolens.report.content import Diagnosis, ReaderAnswer, Report, ReportedImage

__all__ = ["FORMAT", "case_object"]

FORMAT = "radiolens-case/1"
"""Name and version of the object's layout."""


def case_object(report: Report) -> dict[str, Any]:
    """Return the object of a case; every key is always there, times are in UTC."""
    return {
        "format": FORMAT,
        "disclaimer": report.disclaimer,
        "case_id": report.case_id,
        "study": report.study,
        "received": _time(report.received),
        "state": "closed" if report.closed else "open",
        "hidden": report.hidden,
        "images": [_image(image) for image in report.images],
        "answers": [_answer(answer) for answer in report.answers],
        "diagnoses": [_diagnosis(entry) for entry in report.diagnoses],
        "written": _time(report.written),
        "written_by": report.written_by,
        "program": f"radiolens {report.version}",
    }


def _image(image: ReportedImage) -> dict[str, Any]:
    return {
        "position": image.position,
        "outcome": image.outcome,
        "headline": image.headline,
        "problems": [{"code": entry.code, "found": entry.found, "advice": entry.advice} for entry in image.reasons],
        "prediction": dict(image.record) if image.record else None,
        "limits": [entry.text for entry in image.limits],
        "remarks": [entry.text for entry in image.remarks],
    }


def _answer(answer: ReaderAnswer) -> dict[str, Any]:
    return {
        "reader": answer.reader,
        "stage": "before" if answer.before else "after",
        "created": _time(answer.created),
        "presence": _presence(answer.presence),
        "agreed": answer.agreed,
        "reason": answer.reason,
        "comment": answer.comment,
    }


def _diagnosis(entry: Diagnosis) -> dict[str, Any]:
    presence = _presence(entry.presence)
    return {"test": entry.test, "presence": presence, "created": _time(entry.created), "by": entry.by}


def _presence(presence: Mapping[str, Presence]) -> dict[str, str]:
    return {label: value.value for label, value in presence.items()}


def _time(moment: datetime) -> str:
    """Return a time in UTC (RFC 3339); one without zone is taken for UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
