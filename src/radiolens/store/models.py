"""Which versions of the bundles a site has chosen, and since when; the site's profiles of thresholds.

Of each bundle one version is active and perhaps one in the shadow. Every change is told in the audit log. What is
chosen here answers once `radiolens.inference.lineup.LiveLineup` follows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from radiolens.bundle import InstalledBundle
from radiolens.inference.lineup import Choice
from radiolens.locale.translate import N_
from radiolens.prediction import BundleIdentity
from radiolens.profile import Profile
from radiolens.store import audit
from radiolens.store.clock import moment
from radiolens.store.schema import ActivationRole, ActivationRow, ProfileRow, UserRow

__all__ = [
    "Activation",
    "StoredProfile",
    "activate",
    "activations",
    "before",
    "deciding_profile",
    "profiles",
    "read_choice",
    "save_profile",
    "start_shadow",
    "stop_shadow",
    "withdraw_profile",
]

_REPLACED = N_("replaced by a newer profile for the same network")


@dataclass(frozen=True)
class Activation:
    """A time in which a version was active, or in the shadow: to `until`, or still. `by` is the user's name."""

    bundle: BundleIdentity
    role: ActivationRole
    since: datetime
    until: datetime | None
    by: str


@dataclass(frozen=True)
class StoredProfile:
    """A profile as it was saved. One that is not `active` was withdrawn at `disabled`, for `reason`."""

    id: UUID
    profile: Profile
    plan: Mapping[str, Any]
    active: bool
    created: datetime
    by: str
    disabled: datetime | None
    reason: str


def read_choice(session: Session) -> Choice:
    """Return what the site has chosen, for `LiveLineup`."""
    chosen: dict[ActivationRole, dict[str, BundleIdentity]] = {role: {} for role in ActivationRole}
    for entry in activations(session, open_only=True):
        chosen[entry.role][entry.bundle.name] = entry.bundle
    query = select(ProfileRow).where(ProfileRow.active).order_by(ProfileRow.created)
    return Choice(
        active=tuple(chosen[ActivationRole.ACTIVE].values()),
        shadow=tuple(chosen[ActivationRole.SHADOW].values()),
        profiles=tuple(map(_profile, session.scalars(query))),
    )


def activations(session: Session, bundle: str = "", *, open_only: bool = False) -> tuple[Activation, ...]:
    """Return when which version was used, from the first on: of all bundles, or of the one of this name."""
    query = select(ActivationRow, UserRow.name).join(UserRow, UserRow.id == ActivationRow.by)
    if bundle:
        query = query.where(ActivationRow.bundle_name == bundle)
    if open_only:
        query = query.where(ActivationRow.until.is_(None))
    rows = session.execute(query.order_by(ActivationRow.since, ActivationRow.until.is_(None)))
    return tuple(Activation(_identity(row), row.role, row.since, row.until, name) for row, name in rows)


def before(used: Sequence[Activation], bundle: str) -> BundleIdentity | None:
    """Return the version that was active before the present one: what a roll-back brings.

    None if there was none, or no version is chosen.
    """
    active = [entry for entry in used if entry.bundle.name == bundle and entry.role is ActivationRole.ACTIVE]
    if not active or active[-1].until is not None:
        return None
    earlier = [entry.bundle for entry in active if entry.bundle.sha256 != active[-1].bundle.sha256]
    return earlier[-1] if earlier else None


def activate(session: Session, found: InstalledBundle, answering: InstalledBundle | None, actor: UUID) -> None:
    """Choose the version that answers; it leaves the shadow, if it was there.

    `answering` is the version that answers without having been chosen, so that a roll-back finds it.
    """
    _note_answering(session, answering, actor)
    old = _close(session, found.bundle.name, ActivationRole.ACTIVE)
    shadow = _open_row(session, found.bundle.name, ActivationRole.SHADOW)
    if shadow and shadow.bundle_sha256 == found.sha256:
        _close(session, found.bundle.name, ActivationRole.SHADOW)
    session.add(_row(session, found, ActivationRole.ACTIVE, actor))
    told = {"version": found.bundle.version, "sha256": found.sha256, "before": old.bundle_version if old else None}
    audit.append(session, actor, "model.activate", f"bundle:{found.bundle.name}", told)


def start_shadow(session: Session, found: InstalledBundle, answering: InstalledBundle | None, actor: UUID) -> None:
    """Let a version answer in the shadow, instead of the one that did.

    The version that answers is chosen with it (`answering`), so that the next start of the program does not let the
    newest one answer that is only to be looked at.
    """
    _note_answering(session, answering, actor)
    _close(session, found.bundle.name, ActivationRole.SHADOW)
    session.add(_row(session, found, ActivationRole.SHADOW, actor))
    told = {"version": found.bundle.version, "sha256": found.sha256}
    audit.append(session, actor, "model.start_shadow", f"bundle:{found.bundle.name}", told)


def stop_shadow(session: Session, bundle: str, actor: UUID) -> bool:
    """End the shadow of a bundle, and say whether there was one."""
    old = _close(session, bundle, ActivationRole.SHADOW)
    if old:
        audit.append(session, actor, "model.stop_shadow", f"bundle:{bundle}", {"version": old.bundle_version})
    return old is not None


def save_profile(session: Session, profile: Profile, plan: Mapping[str, Any], actor: UUID) -> UUID:
    """Store a profile as the one that decides on its bundle; the one before it is kept and no longer active."""
    for row in session.scalars(_active_profiles(profile.bundle_sha256)):
        _withdraw(session, row, _REPLACED)
    row = ProfileRow(
        site=profile.site,
        bundle_name=profile.bundle_name,
        bundle_version=profile.bundle_version,
        bundle_sha256=profile.bundle_sha256,
        thresholds=dict(profile.thresholds),
        evidence=profile.evidence,
        rules=dict(profile.rules),
        plan=dict(plan),
        active=True,
        created=moment(session),
        created_by=actor,
    )
    session.add(row)
    session.flush()
    told = {"bundle": profile.bundle_name, "sha256": profile.bundle_sha256, "thresholds": dict(profile.thresholds)}
    audit.append(session, actor, "profile.save", f"profile:{row.id}", told)
    return row.id


def withdraw_profile(session: Session, profile: UUID, reason: str, actor: UUID) -> bool:
    """Take a profile out of use, and say whether it was in use; the bundle's own thresholds decide then."""
    row = session.get(ProfileRow, profile)
    if row is None or not row.active:
        return False
    _withdraw(session, row, reason)
    audit.append(session, actor, "profile.withdraw", f"profile:{row.id}", {"reason": reason})
    return True


def profiles(session: Session) -> tuple[StoredProfile, ...]:
    """Return every profile that was saved, the newest first."""
    query = select(ProfileRow, UserRow.name).join(UserRow, UserRow.id == ProfileRow.created_by)
    return tuple(
        StoredProfile(
            id=row.id,
            profile=_profile(row),
            plan=row.plan,
            active=row.active,
            created=row.created,
            by=name,
            disabled=row.disabled,
            reason=row.disabled_reason or "",
        )
        for row, name in session.execute(query.order_by(ProfileRow.created.desc()))
    )


def deciding_profile(sha256: str | ColumnElement[str]) -> Select[UUID]:
    """Return the question for the id of the profile that decides on the bundle of this hash, if one does."""
    return _active_profiles(sha256).with_only_columns(ProfileRow.id).limit(1)


def _note_answering(session: Session, answering: InstalledBundle | None, actor: UUID) -> None:
    if answering and _open_row(session, answering.bundle.name, ActivationRole.ACTIVE) is None:
        session.add(_row(session, answering, ActivationRole.ACTIVE, actor))
        session.flush()


def _row(session: Session, found: InstalledBundle, role: ActivationRole, actor: UUID) -> ActivationRow:
    return ActivationRow(
        task=found.bundle.task,
        bundle_name=found.bundle.name,
        bundle_version=found.bundle.version,
        bundle_sha256=found.sha256,
        role=role,
        since=moment(session),
        by=actor,
    )


def _open_rows(session: Session, bundle: str, role: ActivationRole) -> Sequence[ActivationRow]:
    query = select(ActivationRow).where(
        ActivationRow.bundle_name == bundle, ActivationRow.role == role, ActivationRow.until.is_(None)
    )
    return session.scalars(query.order_by(ActivationRow.since.desc()).with_for_update()).all()


def _open_row(session: Session, bundle: str, role: ActivationRole) -> ActivationRow | None:
    rows = _open_rows(session, bundle, role)
    return rows[0] if rows else None


def _close(session: Session, bundle: str, role: ActivationRole) -> ActivationRow | None:
    rows = _open_rows(session, bundle, role)
    for row in rows:
        row.until = moment(session)
    session.flush()
    return rows[0] if rows else None


def _active_profiles(sha256: str | ColumnElement[str]) -> Select[ProfileRow]:
    return select(ProfileRow).where(ProfileRow.bundle_sha256 == sha256, ProfileRow.active)


def _withdraw(session: Session, row: ProfileRow, reason: str) -> None:
    row.active = False
    row.disabled = moment(session)
    row.disabled_reason = reason
    session.flush()


def _identity(row: ActivationRow) -> BundleIdentity:
    return BundleIdentity(row.bundle_name, row.bundle_version, row.bundle_sha256)


def _profile(row: ProfileRow) -> Profile:
    return Profile(
        site=row.site,
        bundle_sha256=row.bundle_sha256,
        thresholds=row.thresholds,
        evidence=row.evidence,
        bundle_name=row.bundle_name,
        bundle_version=row.bundle_version,
        rules=row.rules,
    )
