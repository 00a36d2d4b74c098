"""The version that answers against the one in the shadow, on the same images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from radiolens.bundle import InstalledBundle
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.prediction import Presence
from radiolens.tasks import get_task
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.administration.curves import shown
from radiolens.web.administration.outcomes import diagnoses, pairs
from radiolens.web.administration.version_comparison import Comparison, compare
from radiolens.web.problems import HTTPProblem
from radiolens.web.state import database_of, live_lineup_of
from radiolens.web.templating import templates

if TYPE_CHECKING:  # loaded when it is first used, since it brings scipy
    from radiolens.evaluation import Interval

__all__ = ["ComparePage", "router", "show_comparison"]

router = APIRouter(prefix="/models/compare", include_in_schema=False)

_MOST_DIFFERENCES = 100
"""Shown on the page, those that lie furthest apart first."""

_Keeper = Annotated[Principal, requires(Permission.MANAGE_MODELS)]


@dataclass(frozen=True)
class ComparePage:
    """What `administration/compare.html` shows; `links` says whether cases can be opened by who looks."""

    active: InstalledBundle
    shadow: InstalledBundle
    comparison: Comparison
    titles: dict[str, str]
    links: bool
    presences: ClassVar[tuple[Presence, ...]] = tuple(Presence)
    words: ClassVar[MappingProxyType[Presence, str]] = MappingProxyType(
        {
            Presence.PRESENT: N_("present"),
            Presence.ABSENT: N_("absent"),
            Presence.INDETERMINATE: N_("indeterminate"),
        }
    )
    shown: ClassVar[Callable[[Interval], str]] = staticmethod(shown)
    most: ClassVar[int] = _MOST_DIFFERENCES


@router.api_route("/{name}", methods=["GET", "HEAD"])
def show_comparison(request: Request, principal: _Keeper, name: Annotated[str, Path(max_length=100)]) -> Response:
    """Show how far the two versions of a bundle agree on the images that both were asked about."""
    lineup = live_lineup_of(request).now
    active, shadow = lineup.answering(name), lineup.in_shadow(name)
    if active is None or shadow is None:
        detail = _("Of %(name)s no version runs in the shadow. Start one on the page Models.", name=name)
        raise HTTPProblem(404, _("Nothing to compare"), detail)
    labels = [label for label in active.bundle.labels if label in shadow.bundle.labels]
    with database_of(request).reading() as session:
        found = pairs(session, principal.user_id, active.sha256, shadow.sha256)
        outcomes = diagnoses(session)
    task = get_task(active.bundle.task)
    page = ComparePage(
        active=active,
        shadow=shadow,
        comparison=compare(found, labels, outcomes),
        titles={label: task.label(label).title for label in labels},
        links=principal.may(Permission.READ_CASES),
    )
    return templates.TemplateResponse(request, "administration/compare.html", {"page": page})
