"""Builds the web app."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from radiolens import __version__
from radiolens.bundle import RELEASED
from radiolens.imaging import untrusted
from radiolens.inference.predict import Predictor
from radiolens.settings import Settings
from radiolens.web import api, pages, problems
from radiolens.web.answers import Reader
from radiolens.web.guard import LoopbackGuard

__all__ = ["create_app"]

_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the app; its bundles are opened and checked when it starts."""
    settings = settings or Settings.model_validate({})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        untrusted.start()
        predictor = Predictor.open((RELEASED, settings.home / "bundles"), settings.threads)
        for task in predictor.tasks:
            predictor.engine(task)
        app.state.reader = Reader(predictor)
        for name in pages.lying_files():
            _log.warning("%s is not used yet: a later version will import it into a bundle", name)
        yield

    # FastAPI's own documentation page loads scripts from another host; /openapi.json is served, the page is not yet.
    app = FastAPI(title="radiolens", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    problems.install(app)
    app.add_middleware(LoopbackGuard, allow_remote=settings.allow_remote)
    return app
