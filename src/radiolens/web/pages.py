"""The pages: choose a study, drop images, read the answers. The same cards with and without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from radiolens import __version__
from radiolens.inference.installed import Installed, UnusableBundle
from radiolens.inference.lineup import Lineup
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.task import Label, Task
from radiolens.tasks import TASKS
from radiolens.web.accounts.principal import Permission, public, requires
from radiolens.web.answers import Answer
from radiolens.web.cards import make_card
from radiolens.web.problems import HTTPProblem
from radiolens.web.profile_note import noted
from radiolens.web.reading.one_off import SENT_ELSEWHERE, check_one_off, in_second_reader_mode
from radiolens.web.state import answerer_of, settings_of
from radiolens.web.studies import STUDIES, Study, bundle_studies, find_study
from radiolens.web.templating import templates
from radiolens.web.told import Card
from radiolens.web.uploads import Upload, received

__all__ = [
    "DISCLAIMER",
    "FIRST_DESIGN_FILES",
    "UNRELEASED",
    "CardList",
    "StartPage",
    "analyse",
    "docs",
    "lying_files",
    "router",
    "start",
]

router = APIRouter(include_in_schema=False)

DISCLAIMER = N_("For education and research. Not a medical device. A second reader, never a replacement.")
UNRELEASED = tuple((task, label) for task in TASKS for label in task.labels if not label.released)
"""The findings that a task declares and no released network answers."""
FIRST_DESIGN_FILES = ("braintumor.h5", "Tuberculosis_model.h5", "pneumonia_model.h5")


@dataclass(frozen=True)
class CardList:
    """What `cards.html` shows."""

    cards: tuple[Card, ...] = ()
    disclaimer: str = DISCLAIMER


@dataclass(frozen=True)
class StartPage:
    """What `start.html` shows: the form, and below it what was answered to it without JavaScript.

    `sent_elsewhere` says why there is no form; empty if there is one.
    """

    chosen: str
    results: CardList
    notice: str
    lying_files: tuple[str, ...]
    allow_remote: bool
    max_upload_bytes: int
    max_files: int
    sent_elsewhere: str = ""
    unusable: tuple[UnusableBundle, ...] = ()
    other_studies: tuple[Study, ...] = ()
    imported_studies: tuple[Study, ...] = ()
    studies: tuple[Study, ...] = STUDIES
    unreleased: tuple[tuple[Task, Label], ...] = UNRELEASED
    unreleased_titles: str = ""
    version: str = __version__
    disclaimer: str = DISCLAIMER


@router.api_route("/", methods=["GET", "HEAD"], dependencies=[requires(Permission.UPLOAD)])
def start(request: Request) -> Response:
    """Show the start page."""
    return _page(request)


@router.post("/", dependencies=[requires(Permission.UPLOAD, streamed=True)])
async def analyse(request: Request) -> Response:
    """Answer the posted images: the whole page, or only the cards for the page's script."""
    try:
        async with received(request, "file") as upload:
            await check_one_off(request)
            study = _study(request, upload)
            cards = await _cards(request, upload, study)
    except HTTPException as error:
        if _asks_for_cards(request):
            raise
        refused = partial(_page, request, notice=error.detail, status=error.status_code)
        return await anyio.to_thread.run_sync(refused)
    if _asks_for_cards(request):
        return templates.TemplateResponse(request, "cards.html", {"results": CardList(cards)})
    return await anyio.to_thread.run_sync(_page, request, cards, study.key)


@router.api_route("/docs", methods=["GET", "HEAD"], dependencies=[public])
def docs(request: Request) -> Response:
    """Show the interactive description of the programming interface."""
    return templates.TemplateResponse(request, "docs.html")


def lying_files(folder: Path, installed: Installed) -> tuple[str, ...]:
    """Return the networks of the first design that lie in a folder and were not imported; they are never opened."""
    known = {entry.bundle.name for entry in installed.bundles}
    return tuple(name for name in FIRST_DESIGN_FILES if (folder / name).is_file() and Path(name).stem not in known)


def _installed(request: Request) -> Installed:
    answerer = answerer_of(request)
    return answerer.predictor.shelf.installed


def _study(request: Request, upload: Upload) -> Study:
    key = upload.fields.get("study", "")
    studies = (*STUDIES, *bundle_studies(_installed(request)))
    study = find_study(key, studies)
    if study is None:
        known = ", ".join(entry.key for entry in studies)
        detail = _("There is no study %(key)s. Choose one of %(known)s.", key=repr(key[:40]), known=known)
        raise HTTPProblem(422, _("Unknown study"), detail)
    return study


async def _cards(request: Request, upload: Upload, study: Study) -> tuple[Card, ...]:
    if not upload.files:
        raise HTTPProblem(422, _("No image"), _("No image was chosen. Choose one or more images, then press Analyse."))
    answerer = answerer_of(request)

    def card(answer: Answer, lineup: Lineup) -> Card:
        return noted(make_card(answer, study, lineup.predictor, lineup.choice.profiles), lineup)

    return tuple(await answerer.answer(upload.files, study.task_name, card, bundle=study.bundle))


def _asks_for_cards(request: Request) -> bool:
    return request.headers.get("x-requested-with") == "radiolens"


def _page(
    request: Request, cards: tuple[Card, ...] = (), chosen: str = STUDIES[0].key, notice: str = "", status: int = 200
) -> Response:
    """Return the page; it asks the database, so not from the event loop."""
    settings = settings_of(request)
    installed = _installed(request)
    more = bundle_studies(installed)
    page = StartPage(
        chosen=chosen,
        results=CardList(cards),
        notice=notice,
        lying_files=lying_files(Path.cwd(), installed),
        allow_remote=settings.allow_remote,
        max_upload_bytes=settings.max_upload_bytes,
        max_files=settings.max_files,
        sent_elsewhere=_(SENT_ELSEWHERE) if in_second_reader_mode(request) else "",
        unusable=installed.unusable,
        other_studies=tuple(study for study in more if study.calibrated),
        imported_studies=tuple(study for study in more if not study.calibrated),
        unreleased_titles=", ".join(f"{_(label.title).lower()} ({_(task.title)})" for task, label in UNRELEASED),
    )
    return templates.TemplateResponse(request, "start.html", {"page": page, "results": page.results}, status)
