"""The help: a page for each role, which says what to do in the order in which it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from radiolens.locale.translate import gettext as _
from radiolens.web.accounts.principal import Permission, Principal, Role, requires
from radiolens.web.help_guides import GUIDES, Guide
from radiolens.web.problems import HTTPProblem
from radiolens.web.templating import templates

__all__ = ["HelpPage", "general_help", "help_of_role", "router"]

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class HelpPage:
    """What `help.html` shows: the guide of one role, and the others to choose from."""

    guide: Guide
    guides: tuple[Guide, ...]


@router.get("/help")
def general_help(request: Request, principal: Annotated[Principal, requires(Permission.OWN_ACCOUNT)]) -> Response:
    """Show the help of the reader's own role; of somebody with several that of the first."""
    return _page(
        request, next((guide for role, guide in GUIDES.items() if role in principal.roles), GUIDES[Role.CLINICIAN])
    )


@router.get("/help/{role}", dependencies=[requires(Permission.OWN_ACCOUNT)])
def help_of_role(request: Request, role: str) -> Response:
    """Show the help of a role; raise HTTPProblem 404 if there is none."""
    if role not in GUIDES:
        detail = _("There is help for %(known)s; choose one of these.", known=", ".join(GUIDES))
        raise HTTPProblem(404, _("No such page"), detail)
    return _page(request, GUIDES[Role(role)])


def _page(request: Request, guide: Guide) -> Response:
    return templates.TemplateResponse(request, "help.html", {"page": HelpPage(guide, tuple(GUIDES.values()))})
