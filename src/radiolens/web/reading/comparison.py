"""How readers, network and both did on the site's closed cases, as far as another test told what was true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from radiolens import evaluation
from radiolens.locale.translate import N_, ngettext
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import percent
from radiolens.store import audit
from radiolens.task import Label
from radiolens.tasks import TASKS
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.pages import DISCLAIMER
from radiolens.web.state import database_of
from radiolens.web.templating import templates
from radiolens.worklist.comparison import Comparable, LeftOut, ReadFinding, comparable

if TYPE_CHECKING:
    from radiolens.evaluation import Interval, Switches

__all__ = ["FEW", "ComparedFinding", "ComparisonPage", "Row", "Share", "comparison", "router"]

router = APIRouter(include_in_schema=False)

FEW = 30
"""Readings of a kind below which an interval spans a quarter of the scale and more: nothing can be concluded."""

_ROWS = (
    N_("Reader alone, before the network's answer was shown"),
    N_("Network alone"),
    N_("Reader with the network's answer in view"),
    N_("Reader alone or network: present if one of them says so"),
)

_LEFT_OUT: Mapping[LeftOut, tuple[str, str]] = {
    LeftOut.HIDDEN: (N_("%(count)s case was closed unread."), N_("%(count)s cases were closed unread.")),
    LeftOut.NO_DIAGNOSIS: (N_("%(count)s case has no diagnosis."), N_("%(count)s cases have no diagnosis.")),
    LeftOut.NOT_READ_BEFORE: (
        N_("%(count)s case was not read before the network's answer was shown."),
        N_("%(count)s cases were not read before the network's answer was shown."),
    ),
    LeftOut.OTHER_FINDINGS: (
        N_("Of %(count)s case reader, network and diagnosis have no finding in common."),
        N_("Of %(count)s cases reader, network and diagnosis have no finding in common."),
    ),
}


@dataclass(frozen=True)
class Share:
    """A share as shown: its text, its count, and 0 to 100 for the drawn interval; None where it is not defined."""

    text: str
    of: int
    percent: float | None = None
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Row:
    """One of those who judged, with sensitivity, specificity and how often it was undecided."""

    who: str
    sensitivity: Share
    specificity: Share
    undecided: int


@dataclass(frozen=True)
class ComparedFinding:
    """The comparison on one finding; `few` warns of too few readings, `switched` says how often readers changed."""

    title: str
    readings: int
    cases: int
    rows: tuple[Row, ...]
    switched: str
    directions: str
    few: bool


@dataclass(frozen=True)
class ComparisonPage:
    """What `reading/comparison.html` shows."""

    findings: tuple[ComparedFinding, ...]
    closed: int
    left_out: tuple[str, ...]
    disclaimer: str = DISCLAIMER


@router.api_route("/comparison", methods=["GET", "HEAD"])
def comparison(request: Request, principal: Annotated[Principal, requires(Permission.COMPARE)]) -> Response:
    """Show the comparison on all closed cases."""
    database = database_of(request)
    with database.reading() as session:
        found = comparable(session, principal.user_id)
    with database.session() as session:  # apart, since reading all cases must not keep others from writing
        audit.append(session, principal.user_id, "comparison.view", "cases", {"closed": found.closed})
    return templates.TemplateResponse(request, "reading/comparison.html", {"page": _page(found)})


def _page(found: Comparable) -> ComparisonPage:
    labels = {label.name: label for task in TASKS for label in task.labels}
    by_label = {name: [entry for entry in found.findings if entry.label == name] for name in labels}
    return ComparisonPage(
        findings=tuple(_compared(labels[name], entries) for name, entries in by_label.items() if entries),
        closed=found.closed,
        left_out=tuple(ngettext(*_LEFT_OUT[reason], count, count=count) for reason, count in found.left_out.items()),
    )


def _compared(label: Label, entries: Sequence[ReadFinding]) -> ComparedFinding:
    truth, cases = [entry.truth for entry in entries], [str(entry.case_id) for entry in entries]
    before, network = [entry.before for entry in entries], [entry.network for entry in entries]
    final = [entry.final for entry in entries]
    judged = [
        evaluation.reading_accuracy(row, truth, cases)
        for row in (before, network, final, evaluation.either(before, network))
    ]
    rows = tuple(
        Row(
            _(who),
            _share(one.sensitivity, one.present),
            _share(one.specificity, one.absent),
            one.undecided,
        )
        for who, one in zip(_ROWS, judged, strict=True)
    )
    changed = evaluation.switches(before, final, truth, cases)
    few = min(judged[0].present, judged[0].absent) < FEW
    switched, directions = _switched(changed)
    return ComparedFinding(_(label.title), len(entries), len(set(cases)), rows, switched, directions, few)


def _share(interval: Interval, of: int) -> Share:
    if not of:
        return Share(_("not defined: no such case"), 0)
    text = _("%(share)s (%(interval)s)", share=percent(interval.estimate), interval=_between(interval))
    low, high = (0.0, 100.0) if isnan(interval.low) else (100 * interval.low, 100 * interval.high)
    return Share(text, of, round(100 * interval.estimate, 1), round(low, 1), round(high, 1))


def _between(interval: Interval) -> str:
    """Return the interval in words; of a single patient there is none."""
    if isnan(interval.low):
        return _("no interval of a single case")
    return _("%(low)s to %(high)s", low=percent(interval.low), high=percent(interval.high))


def _switched(changed: Switches) -> tuple[str, str]:
    rate = _(
        "Readers changed their answer in %(switched)s of %(readings)s readings after the network's was shown: "
        "%(share)s (%(interval)s).",
        switched=changed.switched,
        readings=changed.readings,
        share=percent(changed.rate.estimate),
        interval=_between(changed.rate),
    )
    directions = _(
        "Changed to what the other test told: %(to)s. Changed away from it: %(away)s.",
        to=changed.to_truth,
        away=changed.from_truth,
    )
    return rate, directions
