"""What an administrator sets for the whole site."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from radiolens.locale.translate import gettext as _
from radiolens.store import site_settings
from radiolens.store.site_settings import LONGEST_KEPT_DAYS, LONGEST_NAME, LONGEST_STAY_HOURS, SiteSettings
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.accounts.redirects import root_of
from radiolens.web.state import database_of
from radiolens.web.templating import templates
from radiolens.worklist.keeping import kept_count

__all__ = ["SitePage", "change_settings", "router", "show_settings"]

router = APIRouter(prefix="/site", include_in_schema=False, max_body_size=100_000)

_Keeper = Annotated[Principal, requires(Permission.SITE_SETTINGS)]


@dataclass(frozen=True)
class SitePage:
    """What `administration/site.html` shows: the settings as they are, or as they were typed beside a notice.

    `kept` is how many images are kept now, also if no more are.
    """

    site_name: str
    second_reader: bool
    working_copy_hours: int
    keep_images: bool
    keep_days: int
    kept: int
    notice: str = ""
    saved: bool = False
    longest_name: ClassVar[int] = LONGEST_NAME
    longest_hours: ClassVar[int] = LONGEST_STAY_HOURS
    longest_days: ClassVar[int] = LONGEST_KEPT_DAYS


@router.api_route("", methods=["GET", "HEAD"])
def show_settings(
    request: Request,
    _principal: _Keeper,
    saved: bool = False,
) -> Response:
    """Show the settings of the site."""
    with database_of(request).reading() as session:
        now, kept = site_settings.read(session), kept_count(session)
    return _page(request, SitePage(**asdict(now), kept=kept, saved=saved))


@router.post("")
def change_settings(
    request: Request,
    principal: _Keeper,
    working_copy_hours: Annotated[int, Form()],
    site_name: Annotated[str, Form()] = "",
    second_reader: Annotated[bool, Form()] = False,
    keep_images: Annotated[bool, Form()] = False,
    keep_days: Annotated[int, Form()] = SiteSettings.keep_days,
) -> Response:
    """Store the settings; those of cases that are there already stay as they were when the case was received."""
    typed: dict[str, Any] = {
        "site_name": site_name.strip(),
        "second_reader": second_reader,
        "working_copy_hours": working_copy_hours,
        "keep_images": keep_images,
        "keep_days": keep_days,
    }
    with database_of(request).session() as session:
        try:
            wanted = replace(site_settings.read(session), **typed)
        except ValueError:
            return _page(request, SitePage(**typed, kept=kept_count(session), notice=_refusal()), 422)
        site_settings.change(session, wanted, principal.user_id)
    return RedirectResponse(f"{root_of(request)}/site?saved=true", 303)


def _refusal() -> str:
    return _(
        "Nothing was saved. The name may have %(letters)s characters; working copies may stay 1 to %(hours)s hours, "
        "de-identified ones 1 to %(days)s days.",
        letters=LONGEST_NAME,
        hours=LONGEST_STAY_HOURS,
        days=LONGEST_KEPT_DAYS,
    )


def _page(request: Request, page: SitePage, status: int = 200) -> Response:
    return templates.TemplateResponse(request, "administration/site.html", {"page": page}, status)
