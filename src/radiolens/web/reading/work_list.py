"""The work list: what waits, what was found, and where new images are sent to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from radiolens.inference.lineup import Lineup
from radiolens.inference.predict import AUTO
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import number, percent
from radiolens.prediction import Presence
from radiolens.store.schema import CaseState
from radiolens.tasks import TASKS
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.pages import DISCLAIMER
from radiolens.web.reading.case_words import asked_words
from radiolens.web.state import live_lineup_of, settings_of, work_list_of
from radiolens.web.studies import IMPORTED, STUDIES, bundle_studies
from radiolens.web.templating import templates
from radiolens.worklist.listing import CaseQuery, Sort
from radiolens.worklist.views import CaseSummary, FoundLabel, ReaderState

__all__ = ["CaseLine", "Choice", "WorkListPage", "line", "router", "work_list"]

router = APIRouter(prefix="/cases", include_in_schema=False)

_LAST_PAGE = 100_000  # beyond any list, within any database's numbers

_DECISIONS: Mapping[str, str] = MappingProxyType(
    {
        "present": N_("Something suspected"),
        "indeterminate": N_("Undecided"),
        "absent": N_("Nothing found"),
        "refused": N_("Not analysed"),
        "unreadable": N_("Unreadable"),
        "failed": N_("Failed"),
        "waiting": N_("Waiting"),
        "hidden": N_("Hidden until you answer"),
    }
)
"""The states of a case and their words; waiting and hidden are none of the network's."""

_READERS: Mapping[str, str] = MappingProxyType(
    {"unread": N_("Unread"), "read": N_("Read"), "overridden": N_("Differs from the network")}
)
_STATES: Mapping[str, str] = MappingProxyType({"open": N_("Open"), "closed": N_("Closed"), "all": N_("All")})
_SORTS: Mapping[str, str] = MappingProxyType(
    {"urgency": N_("Most urgent first"), "-received": N_("Newest first"), "received": N_("Oldest first")}
)


@dataclass(frozen=True)
class Choice:
    """One value of a filter or a study and its words; `bundle` is the network that it names, empty if none."""

    value: str
    words: str
    bundle: str = ""


@dataclass(frozen=True)
class CaseLine:
    """One case in the list. `state` is that of its mark: present, indeterminate, absent, refused, waiting or hidden."""

    case_id: UUID
    label: str
    task: str
    received: datetime
    received_by: str
    state: str
    decision: str
    findings: str
    reader: str
    progress: str
    closed: bool
    erase_after: datetime | None


@dataclass(frozen=True)
class WorkListPage:
    """What `reading/work_list.html` shows: the upload, the filters with what is chosen, and a page of cases."""

    lines: tuple[CaseLine, ...]
    total: int
    page: int
    pages: int
    chosen: Mapping[str, str]
    address: str
    studies: tuple[Choice, ...]
    waiting: int
    max_upload_bytes: int
    max_files: int
    may_upload: bool
    may_export: bool
    disclaimer: str = DISCLAIMER

    @property
    def tasks(self) -> tuple[Choice, ...]:
        """Return the tasks to filter by."""
        return tuple(Choice(task.name, _(task.title)) for task in TASKS)

    @property
    def decisions(self) -> tuple[Choice, ...]:
        """Return the decisions to filter by."""
        return _choices(_DECISIONS)

    @property
    def readers(self) -> tuple[Choice, ...]:
        """Return the states of reading to filter by."""
        return _choices(_READERS)

    @property
    def states(self) -> tuple[Choice, ...]:
        """Return which cases there are to choose from."""
        return _choices(_STATES)

    @property
    def sorts(self) -> tuple[Choice, ...]:
        """Return the orders to choose from."""
        return _choices(_SORTS)

    def page_address(self, number: int) -> str:
        """Return the query of another page of the same list."""
        return urlencode({**self.chosen, "page": str(number)})


@router.api_route("", methods=["GET", "HEAD"])
def work_list(request: Request, principal: Annotated[Principal, requires(Permission.READ_CASES)]) -> Response:
    """Show the cases that fit the filters of the address."""
    page = _page(request, principal)
    return templates.TemplateResponse(request, "reading/work_list.html", {"page": page})


def line(case: CaseSummary) -> CaseLine:
    """Return how a case stands in the list, as the reader may see it."""
    progress = case.progress
    done, count = progress.done, progress.queued + progress.scoring + progress.done
    state = "waiting" if done < count else "hidden" if not case.disclosed else str(case.decision or "waiting")
    return CaseLine(
        case_id=case.case_id,
        label=case.label,
        task=asked_words(case),
        received=case.received,
        received_by=case.received_by,
        state=state,
        decision=_(_DECISIONS[state]),
        findings=", ".join(map(_found, case.findings)),
        reader=_(_READERS[case.reader]),
        progress=_("%(done)s of %(count)s", done=done, count=count) if count > 1 or done < count else "",
        closed=case.state is CaseState.CLOSED,
        erase_after=case.erase_after,
    )


def _found(entry: FoundLabel) -> str:
    label = next(label for task in TASKS for label in task.labels if label.name == entry.label)
    shown = percent(entry.probability)
    if not entry.calibrated:
        shown = _("score %(score)s", score=number(entry.probability, 2))
    title = _("%(finding)s %(percent)s", finding=_(label.title), percent=shown)
    return title if entry.presence is Presence.PRESENT else _("%(finding)s undecided", finding=title)


def _named(lineup: Lineup) -> Iterator[Choice]:
    """Yield the networks that answer only where they are named."""
    for study in bundle_studies(lineup.predictor.shelf.installed):
        title = study.shown_title if study.calibrated else f"{study.shown_title} ({_(IMPORTED)})"
        yield Choice(study.task_name, title, study.bundle or "")


def _choices(words: Mapping[str, str]) -> tuple[Choice, ...]:
    return tuple(Choice(value, _(told)) for value, told in words.items())


def _page(request: Request, principal: Principal) -> WorkListPage:
    work = work_list_of(request)
    settings = settings_of(request)
    query, chosen = _query(request.query_params)
    found = work.cases(principal.user_id, query)
    whole = (study for study in STUDIES if not study.label and study.task_name != AUTO)
    studies = (Choice(study.task_name, study.shown_title) for study in whole)
    return WorkListPage(
        lines=tuple(map(line, found.cases)),
        total=found.total,
        page=found.page,
        pages=found.pages,
        chosen=chosen,
        address=urlencode(chosen),
        studies=(Choice(AUTO, _("Let the image decide")), *studies, *_named(live_lineup_of(request).now)),
        waiting=found.progress.queued + found.progress.scoring,
        max_upload_bytes=settings.max_upload_bytes,
        max_files=settings.max_files,
        may_upload=principal.may(Permission.UPLOAD),
        may_export=principal.may(Permission.EXPORT),
    )


def _query(asked: Mapping[str, str]) -> tuple[CaseQuery, dict[str, str]]:
    """Return the query of an address and the filters that were understood; what is none of the choices is left out."""
    tasks = {task.name: "" for task in TASKS}
    known = {"state": _STATES, "task": tasks, "decision": _DECISIONS, "reader": _READERS, "sort": _SORTS}
    chosen = {name: asked[name] for name, choices in known.items() if asked.get(name) in choices}
    days = {name: day for name in ("since", "until") if (day := _day(asked.get(name, "")))}
    number = asked.get("page", "1")
    state = chosen.get("state", "open")
    query = CaseQuery(
        state=None if state == "all" else CaseState(state),
        task=chosen.get("task", ""),
        decision=chosen.get("decision", ""),
        reader=ReaderState(chosen["reader"]) if "reader" in chosen else None,
        since=days.get("since"),
        until=days.get("until"),
        sort=Sort(chosen.get("sort", "urgency")),
        page=min(int(number), _LAST_PAGE) if number.isdecimal() and int(number) else 1,
    )
    return query, chosen | {name: day.isoformat() for name, day in days.items()}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
