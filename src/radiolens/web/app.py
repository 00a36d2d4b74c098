"""Builds the web app."""

from __future__ import annotations

import importlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from radiolens import __version__
from radiolens.bundle import RELEASED
from radiolens.errors import BundleError, RadiolensError
from radiolens.imaging import untrusted
from radiolens.imaging.sandbox import readers_sandbox
from radiolens.inference.lineup import Choice, LiveLineup
from radiolens.inference.predict import Predictor
from radiolens.report import fonts
from radiolens.safety.gate import Gate
from radiolens.settings import NONE, UPLOAD_CHOICES, Settings
from radiolens.store.clock import Clock, utc_now
from radiolens.store.database import Database, open_database
from radiolens.store.models import read_choice
from radiolens.web import api, help_pages, language, legacy, openapi, pages, problems
from radiolens.web.accounts import account_page, audit_page, elsewhere_pages, sign_in_pages, users_page
from radiolens.web.accounts.passwords import Passwords
from radiolens.web.accounts.policy import Policy
from radiolens.web.accounts.service import Accounts
from radiolens.web.administration import compare_page, models_page, planner_page, site_page
from radiolens.web.answers import Answerer
from radiolens.web.budget import ByteBudget
from radiolens.web.error_page import show_error
from radiolens.web.guard import Guard
from radiolens.web.logs import RequestLog
from radiolens.web.reading import api as work_list_api
from radiolens.web.reading import case_pages, comparison, images, report
from radiolens.web.reading import work_list as work_list_page
from radiolens.web.reading.events import Events
from radiolens.web.reading.opened import OpenedStacks
from radiolens.worklist.keys import KEY_FILE, read_keys
from radiolens.worklist.work_list import WorkList

if TYPE_CHECKING:
    from radiolens.web.accounts.oidc import Provider

__all__ = ["ROUTERS", "create_app"]

_log = logging.getLogger(__name__)

ROUTERS = (
    api.router,
    work_list_api.router,
    work_list_page.router,
    report.router,  # before case_pages, whose {case_id} would take the name of a .json file
    case_pages.router,
    images.router,
    comparison.router,
    legacy.router,
    pages.router,
    language.router,
    help_pages.router,
    sign_in_pages.router,
    account_page.router,
    users_page.router,
    audit_page.router,
    elsewhere_pages.router,
    compare_page.router,
    models_page.router,
    planner_page.router,
    site_page.router,
)
"""Of all routes; the navigation shows the pages that are among them."""


def create_app(settings: Settings | None = None, clock: Clock = utc_now) -> FastAPI:
    """Return the app; its bundles are opened and checked when it starts. Sessions and retention go by the clock."""
    settings = settings or Settings.model_validate({})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        untrusted.start()
        database = open_database(settings.database_address, clock=clock)
        app.state.database = database
        accounts = Accounts(database, Policy.of(settings), Passwords(settings.password_memory_kib))
        app.state.accounts = app.state.identify = accounts
        folders = (RELEASED, settings.home / "bundles")
        live = LiveLineup(folders, partial(_chosen, database), settings.threads_for_each, settings.gate)
        predictor = live.now.predictor
        _warn_of_unusable(predictor)
        live.now.open_all()
        _open_gate(predictor)
        app.state.lineup, app.state.answerer = live, Answerer(live)
        app.state.upload_budget = ByteBudget(settings.max_upload_bytes)
        _warn(settings, predictor, accounts)
        app.state.work_list = work_list = _work_list(settings, database, live)
        app.state.events = Events(work_list)
        app.state.opened_stacks = OpenedStacks(images.MOST_BYTES)
        work_list.start()
        yield
        await anyio.to_thread.run_sync(work_list.stop)
        database.close()
        readers_sandbox().stop()  # here, since after SIGTERM the interpreter's own end is not reached

    # FastAPI's own documentation page loads scripts from another host; pages.py serves one that does not.
    app = openapi.DescribedAPI(
        title="radiolens",
        summary="Answers questions about medical images.",
        description=pages.DISCLAIMER,
        version=__version__,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.provider = _provider(settings)
    for router in ROUTERS:
        app.include_router(router)
    app.state.paths = frozenset(getattr(route, "path", "") for router in ROUTERS for route in router.routes)
    app.mount("/static/fonts", StaticFiles(directory=fonts.FOLDER), name="fonts")
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    problems.install(app, show_error)
    app.add_middleware(language.RequestLanguage)
    app.add_middleware(
        Guard,
        allow_remote=settings.allow_remote,
        trusted=settings.proxies,
        hosts=settings.host_names,
        root=settings.root,
    )
    app.add_middleware(RequestLog)
    return app


def _chosen(database: Database) -> Choice:
    """Return which versions and profiles the site has chosen."""
    with database.reading() as session:
        return read_choice(session)


def _work_list(settings: Settings, database: Database, lineup: LiveLineup) -> WorkList:
    keys = read_keys(settings.home / KEY_FILE, settings.store_key_words)
    return WorkList(database, settings.home, keys, lineup, scorers=settings.scorers, quota_bytes=settings.quota_bytes)


def _provider(settings: Settings) -> Provider | None:
    """Return the site's OpenID Connect provider; its library is an extra, so its module is loaded only if there is one.

    Raises RadiolensError if the library is not installed.
    """
    if settings.oidc_issuer == NONE:
        return None
    try:
        oidc = importlib.import_module("radiolens.web.accounts.oidc")
    except ModuleNotFoundError as error:
        raise RadiolensError(
            f"OpenID Connect needs {error.name}, which is not installed. Install it: "
            "python -m pip install 'radiolens[oidc]'"
        ) from error
    secret = settings.oidc_client_secret.get_secret_value()
    made: Provider = oidc.Provider(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_name_claim)
    return made


def _warn_of_unusable(predictor: Predictor) -> None:
    """Tell the log of bundles that cannot even be read; the shelf tells of those that it cannot open."""
    for entry in predictor.shelf.installed.unusable:
        _log.warning("%s %s cannot be used. %s", entry.name, entry.version, entry.reason)


def _open_gate(predictor: Predictor) -> None:
    """Open the gate network, so that the first answer need not wait; the shelf tells of one that cannot be used."""
    if predictor.gate is Gate.HEADER:
        _log.warning("RADIOLENS_GATE is header: what a picture shows is not checked, only its header and size.")
        return
    with suppress(BundleError):
        if predictor.shelf.gate() is None:
            _log.warning("No gate network is installed: what a picture shows is not checked, but for its exposure.")


def _warn(settings: Settings, predictor: Predictor, accounts: Accounts) -> None:
    """Tell the log what whoever runs the program should know."""
    if settings.allow_remote and not accounts.exist():
        _log.warning(
            "RADIOLENS_ALLOW_REMOTE is set, and there are no accounts: nobody else is answered until an administrator "
            "is made, on the page /first-run of this computer or by radiolens users add NAME --role administrator."
        )
    for name in pages.lying_files(Path.cwd(), predictor.shelf.installed):
        _log.warning(
            "%s lies in the working folder. It is not opened or used. To use it, import it once, then start the "
            "program again: radiolens import-h5 %s",
            name,
            name,
        )
    for choice in UPLOAD_CHOICES:
        bundle = settings.upload_bundle(choice)
        if bundle:
            _tell_of_choice(predictor, choice, bundle)


def _tell_of_choice(predictor: Predictor, choice: str, bundle: str) -> None:
    """Tell the log whether the bundle that a site wants for a choice of `/upload/` answers it."""
    try:
        legacy.check_answers(predictor, choice, bundle)
    except RadiolensError as error:
        _log.error("RADIOLENS_UPLOAD_BUNDLES: choice %s of /upload/ is not answered. %s", choice, error)
    else:
        _log.warning("RADIOLENS_UPLOAD_BUNDLES: choice %s of /upload/ is answered by %s.", choice, bundle)
