"""The report as a row of blocks, in the reader's language: PDF and print page lay out the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import ClassVar

from radiolens.locale.languages import current_language
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import exact_moment, number, percent
from radiolens.prediction import BundleIdentity, Presence
from radiolens.report.content import (
    Diagnosis,
    FindingLine,
    Passage,
    Picture,
    ReaderAnswer,
    Reason,
    Report,
    ReportedImage,
)

__all__ = [
    "Block",
    "Bullets",
    "Document",
    "FindingBlock",
    "Heading",
    "Paragraph",
    "Pictures",
    "Style",
    "Table",
    "Terms",
    "compose",
]


class Style(StrEnum):
    """How a paragraph looks; the names are also classes of the print page."""

    BODY = "body"
    ANSWER = "answer"
    """The answer in one sentence."""
    NOTE = "note"
    DISCLAIMER = "disclaimer"


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the report's own, 2 a section, 3 a part of one."""

    kind: ClassVar = "heading"
    text: str
    level: int


@dataclass(frozen=True)
class Paragraph:
    """Running text; a line break in it is kept. `language` is its own where that is not the document's, else empty."""

    kind: ClassVar = "paragraph"
    text: str
    style: Style = Style.BODY
    language: str = ""


@dataclass(frozen=True)
class Terms:
    """Short facts, each with its name."""

    kind: ClassVar = "terms"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FindingBlock:
    """A finding with its bar; the threshold is a mark on it, where one decided."""

    kind: ClassVar = "finding"
    line: FindingLine


@dataclass(frozen=True)
class Table:
    """Rows below a header, which is repeated on each page."""

    kind: ClassVar = "table"
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bullets:
    """A list of sentences. `language` is theirs where that is not the document's, else empty."""

    kind: ClassVar = "bullets"
    items: tuple[str, ...]
    language: str = ""


@dataclass(frozen=True)
class Pictures:
    """Pictures beside each other."""

    kind: ClassVar = "pictures"
    pictures: tuple[Picture, ...]


Block = Heading | Paragraph | Terms | FindingBlock | Table | Bullets | Pictures
"""A piece of a report; its `kind` is what the template asks."""


@dataclass(frozen=True)
class Document:
    """A report ready to be laid out: `language` is a code of BCP 47, `footer` stands on every page."""

    title: str
    language: str
    footer: str
    blocks: tuple[Block, ...]


_OUTCOMES: Mapping[str, str] = {
    "hidden": N_("The network's answer is shown once the reader has committed an answer"),
    "waiting": N_("Not analysed yet"),
    "failed": N_("The analysis failed; nothing is known of this image"),
}
"""What is said where there is neither answer nor reason."""

_PRESENCES: Mapping[Presence, str] = {
    Presence.PRESENT: N_("present"),
    Presence.ABSENT: N_("absent"),
    Presence.INDETERMINATE: N_("undecided"),
}


def compose(report: Report) -> Document:
    """Return the report in the language of this request."""
    title = _("Report on case %(case)s", case=report.case_id[:8])
    blocks = (
        Heading(title, 1),
        Paragraph(report.disclaimer, Style.DISCLAIMER),
        Terms(_facts(report)),
        *_answers(report),
        *(block for image in report.images for block in _image(report, image)),
    )
    return Document(title, current_language().code, report.disclaimer, blocks)


def _facts(report: Report) -> tuple[tuple[str, str], ...]:
    return (
        (_("Case"), report.case_id),
        (_("Study"), report.study),
        (_("Received"), exact_moment(report.received)),
        (_("State"), _("closed") if report.closed else _("open")),
        (_("Images"), str(len(report.images))),
        (_("Report written"), _("%(when)s by %(name)s", when=exact_moment(report.written), name=report.written_by)),
        (_("Program"), f"radiolens {report.version}"),
    )


def _answers(report: Report) -> Iterator[Block]:
    """Yield what people said: the readers' answers in their order, then what other tests found."""
    yield Heading(_("Reader"), 2)
    if not report.answers:
        nobody = N_("No reader has answered this case yet. What follows is the network's answer alone.")
        waits = N_("No reader has answered this case yet. The network's answer is held back until then.")
        yield Paragraph(_(waits if report.hidden else nobody), Style.ANSWER)
    for answer in report.answers:
        yield from _answer(report, answer)
    if report.diagnoses:
        yield Heading(_("Diagnosis"), 2)
        yield from (Terms(_diagnosis(report, entry)) for entry in report.diagnoses)


def _answer(report: Report, answer: ReaderAnswer) -> Iterator[Block]:
    before, after = N_("before the network's answer was shown"), N_("with the network's answer in view")
    rows = [
        (_("Read by"), answer.reader),
        (_("When"), f"{exact_moment(answer.created)}, {_(before if answer.before else after)}"),
        *_presences(report, answer.presence),
    ]
    if answer.agreed is not None:
        rows.append((_("Network's answer"), _("confirmed") if answer.agreed else _("overridden")))
    if answer.reason:
        rows.append((_("Reason"), answer.reason))
    yield Terms(tuple(rows))
    if answer.comment:
        yield Heading(_("Comment"), 3)
        yield Paragraph(answer.comment)


def _diagnosis(report: Report, entry: Diagnosis) -> tuple[tuple[str, str], ...]:
    entered = _("%(when)s by %(name)s", when=exact_moment(entry.created), name=entry.by)
    return ((_("Test"), entry.test), *_presences(report, entry.presence), (_("Entered"), entered))


def _presences(report: Report, presence: Mapping[str, Presence]) -> Iterator[tuple[str, str]]:
    for label, value in presence.items():
        yield report.titles.get(label, label), _(_PRESENCES[value])


def _image(report: Report, image: ReportedImage) -> Iterator[Block]:
    several = _("Image %(number)s of %(count)s", number=image.position, count=len(report.images))
    yield Heading(several if len(report.images) > 1 else _("Network's answer"), 2)
    yield Paragraph(image.headline or _(_OUTCOMES[image.outcome]), Style.ANSWER)
    for reason in image.reasons:
        yield from _reason(reason)
    yield from map(FindingBlock, image.findings)
    if image.prediction_set:
        yield Terms(((_("Prediction set"), image.prediction_set),))
    yield from _notes(image.notes)
    yield from _pictures(image)
    yield from _slices(report, image)
    if image.remarks:
        yield Heading(_("Remarks on the file"), 3)
        yield from _bullets(image.remarks)
    if image.limits:
        yield Heading(_("Limits"), 3)
        yield from _bullets(image.limits)
    if image.model:
        yield Heading(_("Model"), 3)
        yield Terms(_model(image.model, image.trained_on))


def _bullets(passages: Sequence[Passage]) -> Iterator[Bullets]:
    """Yield a list for each run of passages of one language."""
    for language, run in groupby(passages, attrgetter("language")):
        yield Bullets(tuple(entry.text for entry in run), language)


def _reason(reason: Reason) -> Iterator[Block]:
    yield Heading(f"{reason.title} ({reason.code})", 3)
    if reason.found:
        yield Paragraph(reason.found, language=reason.found_language)
    if reason.advice:
        yield Terms(((_("What to do"), reason.advice),))


def _pictures(image: ReportedImage) -> Iterator[Block]:
    if image.pictures:
        yield Pictures(image.pictures)
    if image.pictures or image.picture_note:
        yield from _notes((image.picture_note, image.slice_note, *image.map_notes))


def _slices(report: Report, image: ReportedImage) -> Iterator[Block]:
    """Yield a row for each slice that was judged: the mean hides what is in a few."""
    if not image.slices:
        return
    calibrated = image.model is None or image.model.calibrated
    shown = partial(percent, digits=1) if calibrated else partial(number, digits=2)
    labels = [finding.label for finding in image.slices[0].findings]
    told = ({entry.label: entry for entry in slice_.findings} for slice_ in image.slices)
    rows = (
        (
            str(slice_.index + 1),
            *(f"{shown(by[name].probability)}, {_(_PRESENCES[by[name].presence])}" for name in labels),
        )
        for slice_, by in zip(image.slices, told, strict=True)
    )
    yield Heading(_("Slices"), 3)
    yield Table((_("Slice"), *(report.titles.get(name, name) for name in labels)), tuple(rows))


def _model(model: BundleIdentity, trained_on: Sequence[str]) -> tuple[tuple[str, str], ...]:
    rows = [(_("Name and version"), f"{model.name} {model.version}"), ("SHA-256", model.sha256)]
    if not model.calibrated:
        rows.append((_("Calibration"), _("imported network, not calibrated")))
    if trained_on:
        rows.append((_("Learnt from"), "; ".join(trained_on)))
    return tuple(rows)


def _notes(texts: Sequence[str]) -> Iterator[Paragraph]:
    return (Paragraph(text, Style.NOTE) for text in texts if text)
