"""What the header says against answering: another modality, body part, view, or too few pixels.

A header that is silent is never held against an image: most pictures have none. Nor is the patient's age: a child's
film is answered, since pneumonia was learnt from children, and that tuberculosis was learnt from adults stands among
the limits beside every answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from radiolens.image import Image
from radiolens.quality import Problem, ProblemCode, Quality
from radiolens.task import Task

__all__ = ["check_intended_use", "matches_header"]

_FRONTAL_VIEWS = ("PA", "AP", "POSTERO", "ANTERO")
"""How frontal ViewPosition values begin (PS3.3 C.8.7.5); equipment also writes AP SUPINE or ANTERO-POSTERIOR."""
_VIEWED_MODALITIES = ("DX", "CR")
_UNTOLD_PARTS = ("", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "OTHER", "NONE", "NA", "N/A")
"""What equipment writes where nobody chose a body part."""
_UNTOLD_MODALITIES = ("OT", "SC")  # a converted picture does not say what it shows
_SMALLEST_SIDE = 64  # below it a small infiltrate or adenoma is less than one pixel


def check_intended_use(image: Image, task: Task) -> Quality:
    """Return what speaks against answering `task` on this image."""
    return Quality(tuple(_problems(image, task)))


def matches_header(image: Image, task: Task) -> bool:
    """Say whether the header names both a modality and a body part of the task."""
    part = _body_part(image)
    return image.modality in task.modalities and part is not None and _fits(part, task)


def _problems(image: Image, task: Task) -> Iterator[Problem]:
    modality, part = image.modality, _body_part(image)
    if modality and modality not in (*task.modalities, *_UNTOLD_MODALITIES):
        found = f"The file says modality {modality}; {task.title} expects {' or '.join(task.modalities)}."
        yield Problem.found(ProblemCode.WRONG_MODALITY, found)
    if part and not _fits(part, task):
        found = f"The file says body part {part}; {task.title} expects {task.body_parts[0]}."
        yield Problem.found(ProblemCode.WRONG_BODY_PART, found)
    view = (image.view or "").strip().upper()
    if view and task.modalities == _VIEWED_MODALITIES and not view.startswith(_FRONTAL_VIEWS):
        found = f"The file says view {view}; {task.title} expects a frontal film."
        yield Problem.found(ProblemCode.WRONG_VIEW, found)
    rows, columns = image.pixels.shape[1:]
    if min(rows, columns) < _SMALLEST_SIDE:
        found = f"The image has {columns} x {rows} pixels; at least {_SMALLEST_SIDE} on each side are needed."
        yield Problem.found(ProblemCode.TOO_SMALL, found)


def _body_part(image: Image) -> str | None:
    part = (image.source.body_part_examined or "").strip().upper()
    return None if part in _UNTOLD_PARTS else part


def _fits(part: str, task: Task) -> bool:
    """Say whether one of the task's body parts stands in the header's, which is often free text (CHEST PA)."""
    return any(name in part for name in task.body_parts)
