"""What an administrator sets for the whole site."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from radiolens.locale.translate import gettext as _
from radiolens.store import site_settings
from radiolens.store.site_settings import LONGEST_NAME, LONGEST_STAY_HOURS
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.accounts.redirects import root_of
from radiolens.web.state import database_of
from radiolens.web.templating import templates

__all__ = ["SitePage", "change_settings", "router", "show_settings"]

router = APIRouter(prefix="/site", include_in_schema=False, max_body_size=100_000)

_Keeper = Annotated[Principal, requires(Permission.SITE_SETTINGS)]


@dataclass(frozen=True)
class SitePage:
    """What `administration/site.html` shows: the settings as they are, or as they were typed beside a notice."""

    site_name: str
    second_reader: bool
    working_copy_hours: int
    notice: str = ""
    saved: bool = False
    longest_name: ClassVar[int] = LONGEST_NAME
    longest_hours: ClassVar[int] = LONGEST_STAY_HOURS


@router.api_route("", methods=["GET", "HEAD"])
def show_settings(
    request: Request,
    _principal: _Keeper,
    saved: bool = False,
) -> Response:
    """Show the settings of the site."""
    with database_of(request).reading() as session:
        now = site_settings.read(session)
    return _page(request, SitePage(now.site_name, now.second_reader, now.working_copy_hours, saved=saved))


@router.post("")
def change_settings(
    request: Request,
    principal: _Keeper,
    working_copy_hours: Annotated[int, Form()],
    site_name: Annotated[str, Form()] = "",
    second_reader: Annotated[bool, Form()] = False,
) -> Response:
    """Store the settings; those of cases that are there already stay as they were when the case was received."""
    name = site_name.strip()
    typed = SitePage(name, second_reader, working_copy_hours)
    with database_of(request).session() as session:
        try:
            wanted = replace(
                site_settings.read(session),
                site_name=name,
                second_reader=second_reader,
                working_copy_hours=working_copy_hours,
            )
        except ValueError:
            return _page(request, replace(typed, notice=_refusal()), 422)
        site_settings.change(session, wanted, principal.user_id)
    return RedirectResponse(f"{root_of(request)}/site?saved=true", 303)


def _refusal() -> str:
    return _(
        "Nothing was saved. The name may have %(letters)s characters; working copies may stay 1 to %(hours)s hours.",
        letters=LONGEST_NAME,
        hours=LONGEST_STAY_HOURS,
    )


def _page(request: Request, page: SitePage, status: int = 200) -> Response:
    return templates.TemplateResponse(request, "administration/site.html", {"page": page}, status)
