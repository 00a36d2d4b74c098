"""The installed models: cards and evidence; which version answers, and which one runs in the shadow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy.orm import Session
from starlette.responses import FileResponse, RedirectResponse, Response

from radiolens.bundle import InstalledBundle, verify_evidence
from radiolens.errors import BundleError
from radiolens.inference.engine import Engine
from radiolens.inference.gate_bundle import InstalledGate
from radiolens.inference.installed import UnusableBundle
from radiolens.inference.lineup import Lineup
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.report.content import Passage
from radiolens.store import audit
from radiolens.store import models as store
from radiolens.tasks import get_task
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.accounts.redirects import root_of
from radiolens.web.administration.installed_models import (
    Model,
    evidence_file,
    evidence_names,
    find_version,
    installed_gate,
    models,
)
from radiolens.web.problems import HTTPProblem
from radiolens.web.profile_note import disabled_text
from radiolens.web.state import database_of, live_lineup_of
from radiolens.web.studies import limits_of
from radiolens.web.templating import templates

__all__ = [
    "ModelPage",
    "ModelsPage",
    "activate",
    "end_shadow",
    "evidence",
    "router",
    "run_in_shadow",
    "show_model",
    "show_models",
    "verify",
]

router = APIRouter(prefix="/models", include_in_schema=False)

_EVIDENCE_WORDS = MappingProxyType(
    {
        "report.html": N_("Whole report with curves"),
        "model_card.md": N_("Model card"),
        "datasheet.md": N_("Data sheet"),
        "claim.md": N_("CLAIM checklist"),
        "evaluation.json": N_("All figures (JSON)"),
    }
)
"""What each file of the evidence is called."""

_REPORT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""A report is one file with its own style, and without a script; what else it might hold is not run."""

_CARD = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

_Reader = Annotated[Principal, requires(Permission.READ_MODELS)]
_Keeper = Annotated[Principal, requires(Permission.MANAGE_MODELS)]
_Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class ModelsPage:
    """What `administration/models.html` shows; `disabled` are the notes on profiles that do not hold, by bundle.

    `reason` says in English why what the `notice` tells is so.
    """

    models: tuple[Model, ...]
    gate: InstalledGate | None
    unusable: tuple[UnusableBundle, ...]
    disabled: dict[str, str]
    may_manage: bool
    folder: FilePath
    notice: str = ""
    reason: str = ""
    wrong: bool = False


@dataclass(frozen=True)
class ModelPage:
    """What `administration/model.html` shows of one version; `text` is the chosen document as HTML.

    `thresholds` are those of the bundle, each with the title of its finding.
    """

    installed: InstalledBundle
    limits: tuple[Passage, ...]
    thresholds: tuple[tuple[str, float], ...]
    documents: tuple[tuple[str, str], ...]
    chosen: str
    text: Markup


@router.api_route("", methods=["GET", "HEAD"])
def show_models(request: Request, principal: _Reader) -> Response:
    """Show every installed bundle, and which version answers."""
    return _page(request, principal)


@router.api_route("/{sha256}", methods=["GET", "HEAD"], dependencies=[requires(Permission.READ_MODELS)])
def show_model(request: Request, sha256: _Sha256, document: str = "model_card.md") -> Response:
    """Show one version: what it says of itself, and a document of its evidence."""
    found = _found(request, sha256)
    there = evidence_names(found)
    text, chosen = Markup(), ""
    if document in there and document.endswith(".md"):
        written = evidence_file(found, document).read_text(encoding="utf-8")
        text = Markup(_CARD.render(written))  # noqa: S704  made without any HTML of the text's own
        chosen = document
    page = _model_page(found, tuple((name, _EVIDENCE_WORDS[name]) for name in there), chosen, text)
    return templates.TemplateResponse(request, "administration/model.html", {"page": page})


@router.api_route("/{sha256}/evidence/{name}", methods=["GET", "HEAD"], dependencies=[requires(Permission.READ_MODELS)])
def evidence(request: Request, sha256: _Sha256, name: str) -> Response:
    """Give a file of a version's evidence."""
    file = evidence_file(_found(request, sha256), name)
    headers = {"Content-Security-Policy": _REPORT_POLICY} if file.suffix == ".html" else {}
    return FileResponse(file, headers=headers)


@router.post("/{sha256}/verify")
def verify(request: Request, principal: _Keeper, sha256: _Sha256) -> Response:
    """Check every hash of a version and of its evidence, and that its network still gives its golden answers."""
    found = _found(request, sha256)
    named = {"name": found.bundle.name, "version": found.bundle.version}
    try:
        Engine.open(found.folder)
        if (found.folder / "evidence").is_dir():
            verify_evidence(found.folder)
    except (BundleError, OSError) as error:
        whole, notice, reason = False, _("%(name)s %(version)s is not whole.", **named), str(error)
    else:
        whole, reason, notice = True, "", _("%(name)s %(version)s is whole: hashes and golden answers fit.", **named)
    with database_of(request).session() as session:
        told = {**named, "whole": whole}
        audit.append(session, principal.user_id, "model.verify", f"bundle:{found.bundle.name}", told)
    return _page(request, principal, notice, reason, wrong=not whole)


@router.post("/{sha256}/activate")
def activate(request: Request, principal: _Keeper, sha256: _Sha256) -> Response:
    """Let a version answer from now on; what has begun ends with the old one."""
    return _changed(request, principal, sha256, store.activate)


@router.post("/{sha256}/shadow")
def run_in_shadow(request: Request, principal: _Keeper, sha256: _Sha256) -> Response:
    """Let a version answer beside the active one, without being shown."""
    return _changed(request, principal, sha256, store.start_shadow)


@router.post("/{sha256}/end-shadow")
def end_shadow(request: Request, principal: _Keeper, sha256: _Sha256) -> Response:
    """End what runs in the shadow of this version's bundle."""
    name = _found(request, sha256).bundle.name
    with database_of(request).session() as session:
        store.stop_shadow(session, name, principal.user_id)
    live_lineup_of(request).follow()
    return RedirectResponse(f"{root_of(request)}/models", 303)


def _changed(
    request: Request,
    principal: Principal,
    sha256: str,
    change: Callable[[Session, InstalledBundle, InstalledBundle | None, UUID], None],
) -> Response:
    """Open a version, so that a broken one changes nothing, and then choose it."""
    found = _found(request, sha256)
    try:
        Engine.open(found.folder)
    except (BundleError, OSError) as error:
        detail = _("Nothing was changed: the version cannot be used. %(reason)s", reason=str(error))
        raise HTTPProblem(409, _("The model cannot be used"), detail) from error
    live = live_lineup_of(request)
    with database_of(request).session() as session:
        change(session, found, live.now.answering(found.bundle.name), principal.user_id)
    live.follow()
    return RedirectResponse(f"{root_of(request)}/models", 303)


def _model_page(
    installed: InstalledBundle, documents: tuple[tuple[str, str], ...], chosen: str, text: Markup
) -> ModelPage:
    bundle = installed.bundle
    task = get_task(bundle.task)
    thresholds = tuple((_(task.label(name).title), bundle.thresholds[name]) for name in bundle.labels)
    return ModelPage(installed, limits_of(bundle), thresholds, documents, chosen, text)


def _page(
    request: Request, principal: Principal, notice: str = "", reason: str = "", *, wrong: bool = False
) -> Response:
    live = live_lineup_of(request)
    folders, lineup = live.folders, live.now
    with database_of(request).reading() as session:
        listed, unusable = models(folders, lineup, store.activations(session))
    page = ModelsPage(
        models=listed,
        gate=installed_gate(folders),
        unusable=unusable,
        disabled={entry.name: _disabled(entry, lineup) for entry in listed},
        may_manage=principal.may(Permission.MANAGE_MODELS),
        folder=folders[-1],
        notice=notice,
        reason=reason,
        wrong=wrong,
    )
    return templates.TemplateResponse(request, "administration/models.html", {"page": page}, 409 if wrong else 200)


def _disabled(model: Model, lineup: Lineup) -> str:
    profile, answering = lineup.disabled_profile(model.name), model.answering
    return disabled_text(profile, answering.installed.identity) if profile and answering else ""


def _found(request: Request, sha256: str) -> InstalledBundle:
    return find_version(live_lineup_of(request).folders, sha256)
