"""The templates of all pages, in one environment, which speaks the language of the request."""

from __future__ import annotations

from pathlib import Path

from starlette.templating import Jinja2Templates

from radiolens.imaging.companions import NAMES
from radiolens.web.accounts.frame import frame_context
from radiolens.web.language import install
from radiolens.web.tour import tour_context

__all__ = ["templates"]

templates = Jinja2Templates(Path(__file__).parent / "templates", context_processors=[frame_context, tour_context])
install(templates.env)
templates.env.globals["companions"] = {kind: list(names) for kind, names in NAMES.items()}
