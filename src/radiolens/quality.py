"""Why an image must not be believed: coded problems, each with a sentence on what to do.

The codes are part of the public contract (`docs/contracts.md`): they appear in the JSON answer, on the page and in
reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["ADVICE", "Problem", "ProblemCode", "Quality"]


class ProblemCode(StrEnum):
    """A reason for which an input is not answered."""

    NOT_MEDICAL_IMAGE = "not_medical_image"
    WRONG_BODY_PART = "wrong_body_part"
    WRONG_VIEW = "wrong_view"
    WRONG_MODALITY = "wrong_modality"
    INVERTED = "inverted"
    ROTATED = "rotated"
    CROPPED = "cropped"
    TOO_SMALL = "too_small"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    OUTSIDE_INTENDED_USE = "outside_intended_use"
    UNLIKE_TRAINING_DATA = "unlike_training_data"
    TASK_UNDETERMINED = "task_undetermined"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    UNSUPPORTED_TRANSFER_SYNTAX = "unsupported_transfer_syntax"
    UNRELEASED_FINDING = "unreleased_finding"


ADVICE: Mapping[ProblemCode, str] = MappingProxyType(
    {
        ProblemCode.NOT_MEDICAL_IMAGE: (
            "Check that the right file was chosen: frontal chest films, MR and CT slices of the head are analysed."
        ),
        ProblemCode.WRONG_BODY_PART: "Choose the study that fits this body part, or another image.",
        ProblemCode.WRONG_VIEW: "Use a frontal view (PA or AP).",
        ProblemCode.WRONG_MODALITY: "Choose the study that fits this kind of image, or another image.",
        ProblemCode.INVERTED: "Export the image again with bone shown white.",
        ProblemCode.ROTATED: "Turn the image upright and send it again.",
        ProblemCode.CROPPED: "Send the whole image, with both lungs or the whole head in it.",
        ProblemCode.TOO_SMALL: "Export the image at its original size.",
        ProblemCode.TOO_DARK: "Check the exposure or the window of the export, or repeat the image.",
        ProblemCode.TOO_BRIGHT: "Check the exposure or the window of the export, or repeat the image.",
        ProblemCode.OUTSIDE_INTENDED_USE: (
            "The network was not made for this patient or examination; have it read by a radiologist."
        ),
        ProblemCode.UNLIKE_TRAINING_DATA: "The network has seen nothing like it; have it read by a radiologist.",
        ProblemCode.TASK_UNDETERMINED: "Name the study, for instance --task chest-xray.",
        ProblemCode.UNREADABLE: "Export the file again from the scanner or the PACS, as DICOM, PNG or JPEG.",
        ProblemCode.TOO_LARGE: "Send fewer or smaller images.",
        ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX: "Export the image uncompressed or as JPEG 2000.",
        ProblemCode.UNRELEASED_FINDING: "No network is released for this finding; have it read by a radiologist.",
    }
)


_ORDER = (
    ProblemCode.UNREADABLE,
    ProblemCode.TOO_LARGE,
    ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX,
    ProblemCode.NOT_MEDICAL_IMAGE,
    ProblemCode.WRONG_MODALITY,
    ProblemCode.WRONG_BODY_PART,
    ProblemCode.WRONG_VIEW,
    ProblemCode.OUTSIDE_INTENDED_USE,
    ProblemCode.TOO_SMALL,
    ProblemCode.INVERTED,
    ProblemCode.ROTATED,
    ProblemCode.CROPPED,
    ProblemCode.TOO_DARK,
    ProblemCode.TOO_BRIGHT,
    ProblemCode.UNLIKE_TRAINING_DATA,
    ProblemCode.TASK_UNDETERMINED,
    ProblemCode.UNRELEASED_FINDING,
)
"""From the wrong file over the wrong patient to the wrong picture; what the picture cannot help is last."""


@dataclass(frozen=True)
class Problem:
    """One coded reason; `message` says what was found, what was expected and what to do."""

    code: ProblemCode
    message: str

    @classmethod
    def found(cls, code: ProblemCode, found: str, advice: str | None = None) -> Problem:
        """Return the problem with what was found, followed by what to do: the advice for its code unless given."""
        return cls(code, f"{found} {ADVICE[code] if advice is None else advice}")


@dataclass(frozen=True)
class Quality:
    """The judgement on one image: accepted if there are no problems."""

    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Quality:
        """Return the judgement for any problems, in the order in which a reader wants them.

        Of a code the first one stays. What is no medical image at all is told alone: its exposure means nothing.
        """
        first: dict[ProblemCode, Problem] = {}
        for problem in problems:
            first.setdefault(problem.code, problem)
        if ProblemCode.NOT_MEDICAL_IMAGE in first:
            return cls((first[ProblemCode.NOT_MEDICAL_IMAGE],))
        return cls(tuple(sorted(first.values(), key=lambda problem: _ORDER.index(problem.code))))

    @property
    def accepted(self) -> bool:
        """Say whether the image may be answered."""
        return not self.problems
