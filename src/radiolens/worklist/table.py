"""The cases of a query as a table: a row for each image and label, as the user may see them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from radiolens.prediction import Prediction
from radiolens.worklist.listing import LARGEST_PAGE, CaseQuery, page_of
from radiolens.worklist.reading import view
from radiolens.worklist.views import AnswerView, CaseView, DiagnosisView, ImageView

__all__ = ["COLUMNS", "csv_line", "csv_text", "rows"]

COLUMNS = (
    "case",
    "received",
    "received_by",
    "task",
    "state",
    "second_reader",
    "image",
    "image_state",
    "problems",
    "label",
    "probability",
    "threshold",
    "presence",
    "in_prediction_set",
    "bundle",
    "version",
    "sha256",
    "calibrated",
    "answers",
    "diagnosis",
    "test",
)
"""In this order. Where `calibrated` is no, the probability is the score of an imported network.

`received` is ISO 8601 with the offset of this computer's time zone, which is that of the pages. `answers` are
those of all readers to the label, the last of each, as `name=presence`.
"""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection)."""


def rows(session: Session, viewer: UUID, query: CaseQuery) -> Iterator[tuple[str, ...]]:
    """Yield a row for each image and label of all cases that fit a query; what is hidden is an empty cell."""
    number, pages = 1, 1
    while number <= pages:
        page = page_of(session, viewer, replace(query, page=number, size=LARGEST_PAGE))
        for summary in page.cases:
            yield from _case_rows(view(session, viewer, summary.case_id))
        number, pages = number + 1, page.pages


def csv_text(table: Iterable[Sequence[str]]) -> str:
    """Return a table with its heading as CSV (RFC 4180), in which no cell is a formula."""
    return "".join(map(csv_line, (COLUMNS, *table)))


def csv_line(cells: Sequence[str]) -> str:
    """Return a line of CSV (RFC 4180), with its end, in which no cell is a formula of a spreadsheet."""
    stream = io.StringIO()
    csv.writer(stream).writerow(map(_harmless, cells))
    return stream.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _case_rows(case: CaseView) -> Iterator[tuple[str, ...]]:
    summary = case.summary
    for image in case.images:
        told = (
            str(summary.case_id),
            summary.received.astimezone().isoformat(timespec="seconds"),
            summary.received_by,
            _task(case, image),
            summary.state.value,
            "yes" if summary.blinded else "no",
            str(image.position + 1),
            image.state,
            " ".join(problem.code for problem in image.problems),
        )
        for label in _labels(case, image):
            yield (*told, label, *_found(image.prediction, label), *_said(case, label))


def _task(case: CaseView, image: ImageView) -> str:
    return (image.prediction.task if image.prediction else None) or case.summary.task


def _labels(case: CaseView, image: ImageView) -> Sequence[str]:
    """Return the labels that somebody said something of, at least an empty one, so that no image is left out."""
    found = [entry.label for entry in image.prediction.findings] if image.prediction else []
    answered = [label for entry in case.answers for label in entry.presence]
    diagnosed = [label for entry in case.diagnoses for label in entry.presence]
    return list(dict.fromkeys((*found, *answered, *diagnosed))) or [""]


def _found(prediction: Prediction | None, label: str) -> tuple[str, ...]:
    found = next((entry for entry in prediction.findings if entry.label == label), None) if prediction else None
    if prediction is None or prediction.bundle is None:
        return ("",) * 8
    answered = prediction.bundle
    bundle = (answered.name, answered.version, answered.sha256, "yes" if answered.calibrated else "no")
    if found is None:
        return ("", "", "", "", *bundle)
    listed = "yes" if label in prediction.prediction_set else "no"
    return (f"{found.probability:.6f}", f"{found.threshold:.6f}", found.presence.value, listed, *bundle)


def _said(case: CaseView, label: str) -> tuple[str, str, str]:
    diagnosis = _last_diagnosis(case.diagnoses, label)
    return (
        " ".join(f"{user}={presence}" for user, presence in _answers(case.answers, label)),
        diagnosis.presence[label].value if diagnosis else "",
        diagnosis.test if diagnosis else "",
    )


def _answers(answers: Sequence[AnswerView], label: str) -> Iterator[tuple[str, str]]:
    last = {entry.user: entry.presence[label] for entry in answers if label in entry.presence}
    return ((user, presence.value) for user, presence in last.items())


def _last_diagnosis(diagnoses: Sequence[DiagnosisView], label: str) -> DiagnosisView | None:
    return next((entry for entry in reversed(diagnoses) if label in entry.presence), None)
