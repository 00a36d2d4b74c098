"""What a report tells of a case: values that the renderers only lay out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from radiolens.prediction import BundleIdentity, Presence, SliceFindings

__all__ = ["Diagnosis", "FindingLine", "Passage", "Picture", "ReaderAnswer", "Reason", "Report", "ReportedImage"]


@dataclass(frozen=True)
class FindingLine:
    """One finding as decided, with its words.

    `number` is the text of its probability or score, empty where the finding is not meant for the patient: then there
    is no bar either. `words` say the decision. `state` colours the bar: present only for what should be looked at.
    `probability` and `threshold` are from 0 to 1; the latter is None where no threshold took part in the decision.
    """

    title: str
    number: str
    words: str
    state: Presence
    probability: float
    threshold: float | None = None


@dataclass(frozen=True)
class Reason:
    """One reason why an image was not answered: what it is, what was found, what to do, and its code.

    `found_language` is the language of what was found where it is not that of the page, else empty.
    """

    title: str
    found: str
    advice: str
    code: str
    found_language: str = ""


@dataclass(frozen=True)
class Passage:
    """A text that comes from elsewhere; `language` is its own where that is not the reader's, else empty."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture to print: PNG bytes, what it shows for those who do not see it, and the line below it."""

    png: bytes
    description: str
    caption: str


@dataclass(frozen=True)
class ReportedImage:
    """One image, series or volume of the case and what was answered to it.

    `position` counts from 1. `outcome` is answered, refused, unreadable, failed, waiting or hidden. `record` is the
    contract's object without `path`, None unless there is one that may be shown. `prediction_set` says what the set
    leaves open, empty where the bundle has none. `notes` explain findings, `map_notes` what a heat map tells. `limits`
    are those of the model for this patient, `remarks` what is odd about the file, `trained_on` what the network learnt
    from. `picture_note` says why there is none, or what is not known of it; else it is empty.
    """

    position: int
    outcome: str
    headline: str
    record: Mapping[str, Any] | None = None
    findings: tuple[FindingLine, ...] = ()
    prediction_set: str = ""
    reasons: tuple[Reason, ...] = ()
    slices: tuple[SliceFindings, ...] = ()
    slice_note: str = ""
    notes: tuple[str, ...] = ()
    limits: tuple[Passage, ...] = ()
    remarks: tuple[Passage, ...] = ()
    model: BundleIdentity | None = None
    trained_on: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    map_notes: tuple[str, ...] = ()
    picture_note: str = ""


@dataclass(frozen=True)
class ReaderAnswer:
    """What a reader committed; `before` says that the network's answer was not shown to the reader yet.

    `agreed` is false where the reader overrode the network, for `reason`, and None where that was not asked.
    """

    reader: str
    before: bool
    created: datetime
    presence: Mapping[str, Presence]
    agreed: bool | None = None
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What another test (say, Xpert) found later, and who entered it."""

    test: str
    by: str
    created: datetime
    presence: Mapping[str, Presence]


@dataclass(frozen=True)
class Report:
    """A case at the time of writing; nothing in it names a patient or a file.

    `case_id` is the random id of the case. `titles` are those of the labels, by name. `hidden` says that the network's
    answer is held back until the reader has committed one: then no image carries anything of it. `version` is that of
    radiolens.
    """

    case_id: str
    study: str
    received: datetime
    closed: bool
    images: tuple[ReportedImage, ...]
    disclaimer: str
    written: datetime
    written_by: str
    version: str
    titles: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    answers: tuple[ReaderAnswer, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    hidden: bool = False
