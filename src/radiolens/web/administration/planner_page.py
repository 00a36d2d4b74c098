"""The threshold planner: curves of the site's own outcomes, a slider, and the site's profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from radiolens import evaluation
from radiolens.bundle import InstalledBundle
from radiolens.inference.lineup import Lineup
from radiolens.locale.translate import gettext as _
from radiolens.store import models as store
from radiolens.store import site_settings
from radiolens.store.models import StoredProfile
from radiolens.tasks import get_task
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.accounts.redirects import root_of
from radiolens.web.administration.curves import FIGURES, HEIGHT, MEASURES, WIDTH, Curves, draw
from radiolens.web.administration.plan_words import PlanWords, plan_words
from radiolens.web.administration.planner import (
    Asked,
    Jump,
    SiteCases,
    most_told,
    plan_of_step,
    plannable,
    profile_with,
    site_cases,
    start_step,
)
from radiolens.web.problems import HTTPProblem
from radiolens.web.profile_note import disabled_text
from radiolens.web.state import database_of, live_lineup_of
from radiolens.web.templating import templates

if TYPE_CHECKING:  # loaded when it is first used, since it brings scipy
    from radiolens.evaluation import PlanSteps

__all__ = [
    "ChosenStep",
    "PlannerPage",
    "Question",
    "ReviewPage",
    "curves",
    "review",
    "router",
    "save",
    "show_planner",
    "withdraw",
]

router = APIRouter(prefix="/thresholds", include_in_schema=False, max_body_size=100_000)

_DEFAULT_SITE = "this site"

_Planner = Annotated[Principal, requires(Permission.PLAN)]
_Percent = Annotated[float | None, Query(ge=0.01, le=99.99)]


@dataclass(frozen=True)
class Question:
    """One network and finding that can be asked about, as the page offers it; `key` is hash and label."""

    key: str
    title: str
    chosen: bool


@dataclass(frozen=True)
class PlannerPage:
    """What `administration/planner.html` shows.

    `curves` is None where there are too few cases, `at` the step at which the slider stands. `threshold` is the one
    that decides now, `own` whether the site planned it. `disabled` are the notes on profiles that do not hold,
    `fewest` the images of each class that a threshold needs.
    """

    questions: tuple[Question, ...]
    question: str
    cases: SiteCases
    title: str
    curves: Curves | None
    at: int
    threshold: float
    own: bool
    disabled: tuple[str, ...]
    profiles: tuple[tuple[StoredProfile, str], ...]
    fewest: int
    notice: str = ""
    saved: bool = False
    figures: ClassVar[Mapping[str, str]] = FIGURES
    measures: ClassVar[tuple[str, ...]] = MEASURES
    width: ClassVar[float] = WIDTH
    height: ClassVar[float] = HEIGHT

    @property
    def data(self) -> dict[str, object]:
        """Return what the page's script moves through: the steps, and of which cases they are."""
        steps = self.curves.steps if self.curves else ()
        return {"digest": self.cases.digest, "steps": [asdict(step) for step in steps]}


@dataclass(frozen=True)
class ReviewPage:
    """What `administration/plan.html` shows before a threshold is saved."""

    cases: SiteCases
    question: str
    title: str
    step: int
    words: PlanWords
    texts: Mapping[str, str]
    site: str
    figures: ClassVar[Mapping[str, str]] = FIGURES


@router.api_route("", methods=["GET", "HEAD"])
def show_planner(
    request: Request,
    principal: _Planner,
    question: Annotated[str, Query(max_length=130)] = "",
    prevalence: _Percent = None,
    jump: Jump | None = None,
    saved: bool = False,
) -> Response:
    """Show the curves of a network's finding on the site's own cases."""
    lineup = _follow(request)
    cases = _cases(request, principal, lineup, question, prevalence)
    threshold, own = _present_threshold(lineup, cases.asked)
    at, notice = start_step(cases.steps, threshold, jump) if cases.steps else (0, "")
    with database_of(request).reading() as session:
        kept = store.profiles(session)
    page = PlannerPage(
        questions=tuple(_questions(lineup, cases.asked)),
        question=_key(cases.asked),
        cases=cases,
        title=_title(cases.asked),
        curves=draw(cases.steps) if cases.steps else None,
        at=at,
        threshold=threshold,
        own=own,
        disabled=tuple(_disabled(lineup)),
        profiles=tuple((entry, _state(entry, lineup)) for entry in kept),
        fewest=evaluation.FEWEST,
        notice=notice,
        saved=saved,
    )
    return templates.TemplateResponse(request, "administration/planner.html", {"page": page})


@router.api_route("/curves", methods=["GET", "HEAD"])
def curves(
    request: Request, principal: _Planner, question: Annotated[str, Query(max_length=130)], prevalence: _Percent = None
) -> Response:
    """Give the curves and steps at another prevalence, for the script of the page."""
    cases = _cases(request, principal, _lineup(request), question, prevalence)
    if cases.steps is None:
        raise HTTPProblem(409, _("Too few cases"), _("There are too few cases now. Load the page again."))
    return JSONResponse({"digest": cases.digest, **asdict(draw(cases.steps))})


@dataclass(frozen=True)
class ChosenStep:
    """A step of the slider that a form names, and the `digest` of the cases that it was chosen on."""

    question: str
    step: int
    digest: str
    prevalence: float | None


def _chosen(
    question: Annotated[str, Form(max_length=130)],
    step: Annotated[int, Form(ge=0)],
    digest: Annotated[str, Form(max_length=16)],
    prevalence: Annotated[float | None, Form(ge=0.01, le=99.99)] = None,
) -> ChosenStep:
    return ChosenStep(question, step, digest, prevalence)


_Step = Annotated[ChosenStep, Depends(_chosen)]


@router.post("/review")
def review(request: Request, principal: _Planner, chosen: _Step) -> Response:
    """Show all that must be known of a step before it is saved."""
    cases, steps = _same_cases(request, principal, chosen)
    with database_of(request).reading() as session:
        site = _site_name(session)
    words, texts = plan_words(plan_of_step(cases, steps, chosen.step)), draw(steps).steps[chosen.step].texts
    page = ReviewPage(cases, _key(cases.asked), _title(cases.asked), chosen.step, words, texts, site)
    return templates.TemplateResponse(request, "administration/plan.html", {"page": page})


@router.post("/save")
def save(request: Request, principal: _Planner, chosen: _Step) -> Response:
    """Save a step as the site's threshold: it decides from now on, with this network alone."""
    cases, steps = _same_cases(request, principal, chosen)
    plan = plan_of_step(cases, steps, chosen.step)
    shown = draw(steps).steps[chosen.step].texts
    day = database_of(request).now().astimezone().date().isoformat()
    with database_of(request).session() as session:
        present = store.read_choice(session).profiles
        profile = profile_with(cases.asked, plan, _site_name(session), day, present)
        told = {"label": cases.asked.label, "prevalence": cases.prevalence, "figures": shown, "digest": cases.digest}
        store.save_profile(session, profile, told, principal.user_id)
    live_lineup_of(request).follow()
    query = urlencode({"question": chosen.question, "prevalence": f"{100 * cases.prevalence:.2f}", "saved": "true"})
    return RedirectResponse(f"{root_of(request)}/thresholds?{query}", 303)


@router.post("/{profile_id}/withdraw")
def withdraw(
    request: Request, principal: _Planner, profile_id: UUID, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Take a profile out of use; the network's own thresholds decide from now on."""
    with database_of(request).session() as session:
        store.withdraw_profile(session, profile_id, reason.strip(), principal.user_id)
    live_lineup_of(request).follow()
    return RedirectResponse(f"{root_of(request)}/thresholds", 303)


def _site_name(session: Session) -> str:
    return site_settings.read(session).site_name or _DEFAULT_SITE


def _cases(
    request: Request, principal: Principal, lineup: Lineup, question: str, prevalence: float | None
) -> SiteCases:
    with database_of(request).reading() as session:
        asked = _asked(lineup, question) if question else most_told(session, principal.user_id, _every(lineup))
        asked = replace(asked, prevalence=None if prevalence is None else prevalence / 100)
        return site_cases(session, principal.user_id, asked)


def _same_cases(request: Request, principal: Principal, chosen: ChosenStep) -> tuple[SiteCases, PlanSteps]:
    """Return the cases that a form was filled in on, and the steps of its slider.

    Raises HTTPProblem 409 if they are others now.
    """
    cases = _cases(request, principal, _lineup(request), chosen.question, chosen.prevalence)
    if cases.steps is None or cases.digest != chosen.digest or chosen.step >= len(cases.steps.steps):
        detail = _("Cases were added, or the network was changed, since the page was loaded. Open it again and choose.")
        raise HTTPProblem(409, _("The cases have changed"), detail)
    return cases, cases.steps


def _every(lineup: Lineup) -> tuple[Asked, ...]:
    """Return every question that can be asked; raise HTTPProblem 409 if no network answers."""
    found = tuple(Asked(entry, label) for entry in plannable(lineup) for label in _labels(entry))
    if not found:
        raise HTTPProblem(409, _("No model answers"), _("No network answers, so no threshold can be planned."))
    return found


def _asked(lineup: Lineup, question: str) -> Asked:
    """Return what a question means; raise HTTPProblem 404 for a network that neither answers nor is in the shadow."""
    for asked in _every(lineup):
        if _key(asked) == question:
            return asked
    detail = _("This network neither answers nor runs in the shadow now. Open the page Thresholds again.")
    raise HTTPProblem(404, _("No such question"), detail)


def _labels(found: InstalledBundle) -> tuple[str, ...]:
    """Return the labels, those that are no finding last."""
    task = get_task(found.bundle.task)
    return tuple(sorted(found.bundle.labels, key=lambda label: task.label(label).normal))


def _questions(lineup: Lineup, asked: Asked) -> list[Question]:
    return [Question(_key(one), _title(one), _key(one) == _key(asked)) for one in _every(lineup)]


def _key(asked: Asked) -> str:
    return f"{asked.installed.sha256}:{asked.label}"


def _title(asked: Asked) -> str:
    bundle = asked.installed.bundle
    label = _(get_task(bundle.task).label(asked.label).title)
    return _("%(finding)s, %(name)s %(version)s", finding=label, name=bundle.name, version=bundle.version)


def _present_threshold(lineup: Lineup, asked: Asked) -> tuple[float, bool]:
    for profile in reversed(lineup.choice.profiles):
        if profile.bundle_sha256 == asked.installed.sha256 and asked.label in profile.thresholds:
            return profile.thresholds[asked.label], True
    return asked.installed.bundle.thresholds[asked.label], False


def _disabled(lineup: Lineup) -> list[str]:
    found = ((lineup.disabled_profile(entry.bundle.name), entry) for entry in lineup.predictor.shelf.installed.bundles)
    return [disabled_text(profile, entry.identity) for profile, entry in found if profile]


def _state(entry: StoredProfile, lineup: Lineup) -> str:
    """Return whether a profile decides, and if not, why."""
    if not entry.active:
        return _("Withdrawn: %(reason)s", reason=_(entry.reason)) if entry.reason else _("Withdrawn")
    answering = {found.sha256 for found in lineup.predictor.shelf.installed.bundles}
    if entry.profile.bundle_sha256 in answering:
        return _("Decides")
    return _("Switched off: its network does not answer now")


def _follow(request: Request) -> Lineup:
    return live_lineup_of(request).follow()


def _lineup(request: Request) -> Lineup:
    return live_lineup_of(request).now
