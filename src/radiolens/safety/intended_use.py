"""What the header says against answering: another modality, body part, view or sequence, or too few pixels.

A header that is silent is never held against an image: most pictures have none. The patient's age is held against
single findings, not against the image: a child's film is answered, since pneumonia was learnt from children, but
tuberculosis, learnt from adults, is left undecided (`Task.labels_below_age`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from radiolens.image import Image
from radiolens.quality import Problem, ProblemCode, Quality
from radiolens.safety.mr_sequence import MRSequence, sequence_told
from radiolens.task import Task

__all__ = ["check_age", "check_intended_use", "check_size", "matches_header"]

_FRONTAL_VIEWS = ("PA", "AP", "POSTERO", "ANTERO")
"""How frontal ViewPosition values begin (PS3.3 C.8.7.5); equipment also writes AP SUPINE or ANTERO-POSTERIOR."""
_VIEWED_MODALITIES = ("DX", "CR")
_UNTOLD_PARTS = ("", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "OTHER", "NONE", "NA", "N/A")
"""What equipment writes where nobody chose a body part."""
_UNTOLD_MODALITIES = ("OT", "SC")  # a converted picture does not say what it shows
_SMALLEST_SIDE = 64  # below it a small infiltrate or adenoma is less than one pixel
_LATERAL_WORDS = ("LAT", "LATERAL", "LL", "PROFIL", "SEITLICH")
_FRONTAL_WORDS = ("PA", "AP", "FRONTAL", "FRONT")
_MADE_FOR = (MRSequence.T1,)
"""The sequences of MR that tumour types were learnt on; a T1 that does not tell of contrast may have had it."""
_PROCESSED = "Send the processed film (FOR PRESENTATION) of the same examination."
_ANOTHER_SERIES = "Send the T1-weighted series after contrast, or have it read by a radiologist."
_SLICES = "Send the slices, without the overview."
_WITHOUT_CONTRAST = "Send the series without contrast, or have it read by a radiologist."


def check_intended_use(image: Image, task: Task) -> Quality:
    """Return what the header speaks against answering `task` on this image, and whether it is too small."""
    return Quality.of((*_problems(image, task), *_examination(image, task), *check_size(image)))


def check_age(image: Image, task: Task, labels: Collection[str]) -> Iterator[Problem]:
    """Yield a problem if the patient is too young for every one of these labels, so that nothing can be answered."""
    if labels and set(labels) <= task.labels_below_age(image.source.patient_age_years):
        titles = " and ".join(task.label(name).title for name in labels)
        youngest = min(task.label(name).youngest_age for name in labels)
        found = f"The patient is {image.source.patient_age_years:.0f} years old; {titles} is meant from {youngest} on."
        yield Problem.found(ProblemCode.OUTSIDE_INTENDED_USE, found)


def check_size(image: Image) -> Iterator[Problem]:
    """Yield `too_small` for an image with too few pixels."""
    rows, columns = image.pixels.shape[1:]
    if min(rows, columns) < _SMALLEST_SIDE:
        found = f"The image has {columns} x {rows} pixels; at least {_SMALLEST_SIDE} on each side are needed."
        yield Problem.found(ProblemCode.TOO_SMALL, found)


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
    if task.modalities == _VIEWED_MODALITIES:
        yield from _view(image, task)


def _view(image: Image, task: Task) -> Iterator[Problem]:
    view = (image.view or "").strip().upper()
    described = re.split(r"[^A-Z]+", (image.source.series_description or "").upper())
    lateral = not view and set(described) & set(_LATERAL_WORDS) and not set(described) & set(_FRONTAL_WORDS)
    if lateral or (view and not view.startswith(_FRONTAL_VIEWS)):
        found = f"The file says view {view or 'lateral'}; {task.title} expects a frontal film."
        yield Problem.found(ProblemCode.WRONG_VIEW, found)


def _examination(image: Image, task: Task) -> Iterator[Problem]:
    """Yield how the image was made otherwise than those that the network learnt from."""
    source, code = image.source, ProblemCode.OUTSIDE_INTENDED_USE
    if (source.presentation_intent_type or "").strip().upper() == "FOR PROCESSING":
        yield Problem.found(code, "The file says FOR PROCESSING: it is the raw film, which nobody reads.", _PROCESSED)
    if image.modality == "MR" and task.modalities == ("MR",):
        told = sequence_told(source)
        if told and told not in _MADE_FOR:
            found = f"The file says that the series is {told}; {task.title} is meant for T1 after contrast."
            yield Problem.found(code, found, _SLICES if told is MRSequence.LOCALIZER else _ANOTHER_SERIES)
    if image.modality == "CT" and task.modalities == ("CT",):
        if "LOCALIZER" in (source.image_type or "").upper():
            yield Problem.found(code, f"The file says that it is a localizer; {task.title} expects slices.", _SLICES)
        if source.contrast_given:
            found = f"The file says that contrast was given; {task.title} is meant for slices without it."
            yield Problem.found(code, found, _WITHOUT_CONTRAST)


def _body_part(image: Image) -> str | None:
    part = (image.source.body_part_examined or "").strip().upper()
    return None if part in _UNTOLD_PARTS else part


def _fits(part: str, task: Task) -> bool:
    """Say whether one of the task's body parts stands in the header's, which is often free text (CHEST PA)."""
    return any(name in part for name in task.body_parts)
