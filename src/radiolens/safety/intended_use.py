"""What the header says against answering: another modality, body part, view or sequence, or too few pixels.

A header that is silent is never held against an image: most pictures have none. The patient's age is held against
single findings, not against the image: a child's film is answered, since pneumonia was learnt from children, but
tuberculosis, learnt from adults, is left undecided (`Task.labels_below_age`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

import numpy as np

from radiolens.image import Image, Unit
from radiolens.quality import Problem, ProblemCode, Quality
from radiolens.safety.mr_sequence import MRSequence, sequence_told
from radiolens.task import Task

__all__ = ["check_age", "check_intended_use", "check_size", "matches_header"]

_VIEWED_MODALITIES = ("DX", "CR")
_UNTOLD_PARTS = frozenset(
    (
        *("", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "NOT SPECIFIED", "OTHER", "NONE", "NULL", "NIL", "NA", "X", "XX"),
        *("XXX", "MISC", "MISCELLANEOUS", "VARIOUS", "GENERAL", "DEFAULT", "ANY", "NEURO"),
    )
)
"""What equipment writes where nobody chose a body part, in words, not signs or numbers. NEURO is head or spine."""
_BEFORE_PART = r"(?:PORT|PORTABLE|MOBILE|XR|RX|CR|DX|CT|MR|MRI|RM|IRM|NEURO)?"
_AFTER_PART = r"(?:S|AP|PA|LAT|PORT|PORTABLE|XR|XRAY|CT|MRI?|WO?|ROUTINE|BASE|ABD)?"
"""What may stand around a body part in one word (PORTCHEST, CHESTPA); with anything else it is another (FOREHEAD)."""
_UNTOLD_MODALITIES = ("OT", "SC")  # a converted picture does not say what it shows
_SMALLEST_SIDE = 64  # below it a small infiltrate or adenoma is less than one pixel
_FRONTAL_WORDS = r"PA|AP|FRONT\w*|FACE|FRENTE|(?:POSTERO|ANTERO)(?:ANTERIOR|POSTERIOR)?"
_LATERAL_WORDS = r"LAT|LL|(?:[LR]|LEFT|RIGHT)?LATERAL\w{0,2}|LATERO|PROFIL\w?|PERFIL|SEITLICH"
_UNUSUAL_WORDS = r"RL|RLD|LLD|[LR]LAT|LAT[LR]|DECUB\w*|LORDOTIC|APICAL|AXIAL|SAGITTAL|TANGENTIAL|CC|MLO?|LMO?"
_OBLIQUE_WORDS = r"OBL|OBLIQU\w*|OBLICU\w*|SCHRAEG|[LR]LO|[LR][AP]O"
"""Views in words (View Position, PS3.3 C.8.7.5, C.8.11.5, and what is written instead). An oblique film is one with PA
beside it, too; any other view with PA or AP beside it may be frontal: both films of a study, or a decubitus film."""
_MADE_FOR = (MRSequence.T1,)
"""The sequences of MR that tumour types were learnt on; a T1 that does not tell of contrast may have had it."""
_PROCESSED = "Send the processed film (FOR PRESENTATION) of the same examination."
_ANOTHER_SERIES = "Send the T1-weighted series after contrast, or have it read by a radiologist."
_SLICES = "Send the slices, without the overview."
_ORIGINAL_SERIES = "Send the original CT series with its rescale values (RescaleSlope and RescaleIntercept)."
_GREY_LEVELS = 255  # what a picture of 8 bits, which a window was applied to, reaches at most
_WITHOUT_CONTRAST = "Send the series without contrast, or have it read by a radiologist."


def check_intended_use(image: Image, task: Task) -> Quality:
    """Return what the header speaks against answering `task` on this image, and whether it is too small."""
    return Quality.of((*_problems(image, task), *_examination(image, task), *_values(image, task), *check_size(image)))


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
    """Yield a problem if the header tells that the film is not frontal; a word that nobody knows tells nothing."""
    view, words = (image.view or "").strip().upper(), _words(image.view)
    frontal, oblique = _any(words, _FRONTAL_WORDS), _any(words, _OBLIQUE_WORDS)
    other = not frontal and _any(words, f"{_LATERAL_WORDS}|{_UNUSUAL_WORDS}")
    described = _words(image.source.series_description)
    lateral = not frontal and _any(described, _LATERAL_WORDS) and not _any(described, _FRONTAL_WORDS)
    if oblique or other or lateral:
        found = f"The file says view {view if oblique or other else 'lateral'}; {task.title} expects a frontal film."
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
            found = (
                "The file says in Contrast/Bolus Agent that contrast was given; "
                f"{task.title} is meant for slices without it."
            )
            yield Problem.found(code, found, _WITHOUT_CONTRAST)


def _values(image: Image, task: Task) -> Iterator[Problem]:
    """Yield that a CT is neither in Hounsfield units nor shown in a window: blood would be lost among bone and air."""
    if task.modalities == ("CT",) and image.unit is Unit.ARBITRARY and float(np.ptp(image.pixels)) > _GREY_LEVELS:
        low, high = float(image.pixels.min()), float(image.pixels.max())
        found = (
            f"The values reach from {low:.0f} to {high:.0f} and the file does not say that they are Hounsfield units; "
            f"{task.title} needs these, or a picture in the brain window."
        )
        yield Problem.found(ProblemCode.OUTSIDE_INTENDED_USE, found, _ORIGINAL_SERIES)


def _body_part(image: Image) -> str | None:
    part = image.source.body_part_examined
    return None if " ".join(_words(part)) in _UNTOLD_PARTS else (part or "").strip().upper()


def _fits(part: str, task: Task) -> bool:
    """Say whether one of the task's body parts is a word of the header's, which is often free text (CHEST PA)."""
    return _any(_words(part), f"{_BEFORE_PART}(?:{'|'.join(task.body_parts)}){_AFTER_PART}")


def _words(told: str | None) -> list[str]:
    """Return the words in capitals without accents; letters that stand alone are one word (P.A., A-P, N/A)."""
    plain = unicodedata.normalize("NFKD", (told or "").upper().replace("Ä", "AE"))
    letters = re.sub(r"[^A-Z]+", " ", "".join(sign for sign in plain if not unicodedata.combining(sign)))
    return re.sub(r"(?<=\b[A-Z]) (?=[A-Z]\b)", "", letters).split()


def _any(words: Collection[str], pattern: str) -> bool:
    return any(re.fullmatch(pattern, word) for word in words)
