"""The pages: choose a study, drop images, read the answers. The same cards with and without JavaScript."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from radiolens import __version__
from radiolens.errors import InputError
from radiolens.explain.overlay import display_slice, overlay, png
from radiolens.image import Image
from radiolens.prediction import Finding, Prediction, Presence
from radiolens.task import Task
from radiolens.tasks import get_task
from radiolens.web.answers import Answer
from radiolens.web.uploads import read_upload

__all__ = [
    "DISCLAIMER",
    "FIRST_DESIGN_FILES",
    "STUDIES",
    "Card",
    "FindingRow",
    "Study",
    "analyse",
    "lying_files",
    "router",
    "start",
]

router = APIRouter(include_in_schema=False)
_templates = Jinja2Templates(Path(__file__).parent / "templates")

DISCLAIMER = "For education and research. Not a medical device. A second reader, never a replacement."
FIRST_DESIGN_FILES = ("braintumor.h5", "Tuberculosis_model.h5", "pneumonia_model.h5")


@dataclass(frozen=True)
class Study:
    """A choice on the start page: a task, or one finding of it."""

    key: str
    title: str
    hint: str
    task: str
    label: str = ""


STUDIES = (
    Study("chest", "Chest X-ray", "Pneumonia and tuberculosis", "chest-xray"),
    Study("pneumonia", "Pneumonia", "Chest X-ray, frontal", "chest-xray", "pneumonia"),
    Study("tuberculosis", "Tuberculosis", "Chest X-ray, frontal, 15 years and older", "chest-xray", "tuberculosis"),
    Study("brain", "Brain tumour", "MR slices, T1 after contrast for the tumour type", "brain-mri"),
)


@dataclass(frozen=True)
class FindingRow:
    """One finding as shown; percentages are 0 to 100."""

    title: str
    percent: float
    threshold_percent: float
    words: str
    presence: str
    heat_map: str


@dataclass(frozen=True)
class Card:
    """One result as shown."""

    name: str
    headline: str
    state: str
    problems: tuple[str, ...] = ()
    rows: tuple[FindingRow, ...] = ()
    picture: str = ""
    slice_note: str = ""
    model: str = ""
    limits: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@router.get("/")
def start(request: Request) -> Response:
    """Show the start page."""
    return _page(request, ())


@router.post("/")
async def analyse(request: Request) -> Response:
    """Answer the posted images: the whole page, or only the cards for the page's script."""
    upload = await read_upload(request, request.app.state.settings)
    study = next((entry for entry in STUDIES if entry.key == upload.fields.get("study")), STUDIES[0])
    answers = await request.app.state.reader.read(upload.files, study.task) if upload.files else []
    cards = tuple(_card(answer, study) for answer in answers)
    if request.headers.get("x-requested-with") == "radiolens":
        return _templates.TemplateResponse(request, "cards.html", {"cards": cards})
    return _page(request, cards, study.key)


def lying_files() -> list[str]:
    """Return the networks of the first design that lie in the working folder; they are not used yet."""
    return [name for name in FIRST_DESIGN_FILES if Path(name).is_file()]


def _page(request: Request, cards: tuple[Card, ...], chosen: str = STUDIES[0].key) -> Response:
    context = {
        "studies": STUDIES,
        "chosen": chosen,
        "cards": cards,
        "disclaimer": DISCLAIMER,
        "version": __version__,
        "unreleased": [label for label in get_task("brain-ct").labels if not label.released],
        "lying_files": lying_files(),
    }
    return _templates.TemplateResponse(request, "start.html", context)


def _card(answer: Answer, study: Study) -> Card:
    if isinstance(answer.result, InputError):
        return Card(answer.name, "This file could not be read", "unreadable", (str(answer.result),))
    if not answer.result.answered or answer.image is None:
        problems = tuple(entry.message for entry in answer.result.quality.problems)
        return Card(answer.name, "Refused: not analysed", "refused", problems)
    return _answered(answer.name, answer.result, answer.image, study)


def _answered(name: str, prediction: Prediction, image: Image, study: Study) -> Card:
    task = get_task(prediction.task or study.task)
    shown = [entry for entry in prediction.findings if study.label in ("", entry.label)]
    position = prediction.explanation.slice_index if prediction.explanation else image.slice_indices[0]
    identity = prediction.bundle
    return Card(
        name=name,
        headline=_headline(task, shown, study),
        state="present" if any(_alarming(task, entry) for entry in shown) else "absent",
        rows=tuple(_rows(task, prediction, shown, image)),
        picture=_data_url(png(display_slice(image, position))),
        slice_note=_slice_note(image, position),
        model=f"{identity.name} {identity.version} ({identity.sha256[:12]})" if identity else "",
        limits=task.limits,
        remarks=image.source.warnings,
    )


def _alarming(task: Task, finding: Finding) -> bool:
    return finding.presence is not Presence.ABSENT and not task.label(finding.label).normal


def _headline(task: Task, shown: list[Finding], study: Study) -> str:
    present = [
        task.label(entry.label).title
        for entry in shown
        if _alarming(task, entry) and entry.presence is Presence.PRESENT
    ]
    if present:
        return f"{' and '.join(present)} suspected"
    if any(entry.presence is Presence.INDETERMINATE for entry in shown):
        return "Undecided: have it read by a radiologist"
    return f"No {task.label(study.label).title.lower()} found" if study.label else task.negative_answer


def _rows(task: Task, prediction: Prediction, shown: list[Finding], image: Image) -> Iterator[FindingRow]:
    words = {
        Presence.PRESENT: "above the threshold",
        Presence.ABSENT: "below the threshold",
        Presence.INDETERMINATE: "undecided",
    }
    for entry in shown:
        label = task.label(entry.label)
        shape = (image.pixels.shape[1], image.pixels.shape[2])
        drawn = prediction.explanation and not label.normal
        picture = png(overlay(prediction.explanation, entry.label, shape)) if drawn and prediction.explanation else b""
        yield FindingRow(
            title=label.title,
            percent=round(100 * entry.probability, 1),
            threshold_percent=round(100 * entry.threshold, 1),
            words=words[entry.presence] if not task.exclusive else "",
            presence=entry.presence.value,
            heat_map=_data_url(picture) if picture else "",
        )


def _slice_note(image: Image, position: int) -> str:
    if not image.is_volume:
        return ""
    read = len(image.slice_indices)
    return f"Slice {position + 1} of {image.slice_count} spoke loudest; {read} slices of the middle were read."


def _data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
