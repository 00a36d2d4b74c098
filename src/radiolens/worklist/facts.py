"""What is kept of an image's header, since the words of its answer hang on it; nothing of it names a patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from radiolens.image import Image, Source
from radiolens.imaging.deidentify import says_burnt_in, says_recognizable
from radiolens.prediction import Explanation

__all__ = ["ImageFacts", "NotKept", "facts_from_record", "facts_of", "said_against_keeping"]


class NotKept(StrEnum):
    """Why no de-identified copy of an image is kept where the site keeps them."""

    BURNT_IN_TEXT = "burnt_in_text"
    """The file says so, or the pixels look so."""
    RECOGNIZABLE = "recognizable"
    """The file says that the patient could be recognised, for instance by a face built of the slices."""
    NOT_MEDICAL_IMAGE = "not_medical_image"
    """A photograph or a page may show anything."""
    UNREADABLE = "unreadable"
    NO_ROOM = "no_room"
    """The disk is full, or kept images take their part of `quota_bytes`."""
    NOT_STORED = "not_stored"


@dataclass(frozen=True)
class ImageFacts:
    """The header facts of one image.

    `age_years` is the age at the examination, never a date. `slice_indices` are the slices that were judged, from 0 in
    a volume of `slice_count`; a film has one. `format`, `modality`, `view` and `warnings` are as in `Image`.
    `map_slice` is the slice that the heat maps are of, None where there are none; it tells of the answer and is hidden
    with it. `not_kept` says why no copy of the image can be kept (`NotKept`), and is empty if nothing speaks
    against it.
    """

    age_years: float | None = None
    slice_indices: tuple[int, ...] = (0,)
    slice_count: int = 1
    format: str = ""
    modality: str | None = None
    view: str | None = None
    warnings: tuple[str, ...] = ()
    map_slice: int | None = None
    not_kept: str = ""

    @property
    def is_volume(self) -> bool:
        """Say whether the image is one of several slices or frames."""
        return self.slice_count > 1

    def record(self) -> dict[str, Any]:
        """Return them as JSON has them."""
        return asdict(self)

    def without_answer(self) -> ImageFacts:
        """Return what the header alone tells."""
        return replace(self, map_slice=None)


def facts_of(image: Image, explanation: Explanation | None = None) -> ImageFacts:
    """Return what is kept of a decoded image and of its answer's heat maps."""
    source = image.source
    return ImageFacts(
        age_years=source.patient_age_years,
        slice_indices=image.slice_indices,
        slice_count=image.slice_count,
        format=source.format,
        modality=image.modality,
        view=image.view,
        warnings=source.warnings,
        map_slice=explanation.slice_index if explanation else None,
        not_kept=said_against_keeping(source) or "",
    )


def said_against_keeping(source: Source) -> NotKept | None:
    """Return what the header says against keeping a copy, None if it says nothing."""
    if says_burnt_in(source):
        return NotKept.BURNT_IN_TEXT
    return NotKept.RECOGNIZABLE if says_recognizable(source) else None


def facts_from_record(content: Mapping[str, Any]) -> ImageFacts:
    """Return the facts that a record of them tells; raise TypeError for keys that are none of them."""
    lists = {name: tuple(content[name]) for name in ("slice_indices", "warnings") if name in content}
    return ImageFacts(**{**content, **lists})
