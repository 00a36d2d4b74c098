"""The tables of the site's database: one class for each, an instance is a row.

No table holds a patient's name or number, or the name of a file: cases and images are random ids, and what belonged to
one patient is told by a keyed hash whose key is forgotten with the upload. Ids are random (uuid4), moments are UTC.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from radiolens.store.columns import Row, words

__all__ = [
    "LOCAL_USER_ID",
    "ActivationRole",
    "ActivationRow",
    "AnswerRow",
    "AnswerStage",
    "ApiTokenRow",
    "AuditEntryRow",
    "AuditHeadRow",
    "CaseRow",
    "CaseState",
    "DiagnosisRow",
    "ImageKind",
    "ImageRow",
    "ImageState",
    "KeptImageRow",
    "LoginFailureRow",
    "LoginSessionRow",
    "PredictionRow",
    "ProfileRow",
    "SiteSettingRow",
    "UploadRow",
    "UserRow",
]

LOCAL_USER_ID = uuid.UUID(int=0)
"""The user of single-user mode, named `local`."""

_SHA256 = String(64)
"""In hexadecimal digits."""


class CaseState(StrEnum):
    """Whether a case is still read; the files of a closed one are erased."""

    OPEN = "open"
    CLOSED = "closed"


class ImageKind(StrEnum):
    """What one input is made of."""

    FILE = "file"
    SERIES = "series"
    VOLUME = "volume"


class ImageState(StrEnum):
    """How far one input is; the last four are ends."""

    QUEUED = "queued"
    SCORING = "scoring"
    ANSWERED = "answered"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"


class AnswerStage(StrEnum):
    """Whether a reader answered before or after the network's answer was shown."""

    BEFORE = "before"
    AFTER = "after"


class ActivationRole(StrEnum):
    """What an installed bundle is used for: its answers are shown, or only kept for a comparison."""

    ACTIVE = "active"
    SHADOW = "shadow"


class UserRow(Row):
    """A person who works at the site. Never deleted, since answers name it: `active` is taken away.

    The first row is `LOCAL_USER_ID`, the principal of single-user mode, who cannot log in.
    """

    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    """What is typed at the login, case-folded."""
    display_name: Mapped[str] = mapped_column(default="")
    roles: Mapped[list[str]] = mapped_column(default=list)
    password_hash: Mapped[str | None] = mapped_column(String(300))
    """Argon2id with its parameters; None for who logs in elsewhere (OpenID Connect)."""
    oidc_issuer: Mapped[str | None] = mapped_column(String(300))
    oidc_subject: Mapped[str | None] = mapped_column(String(300))
    active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str | None] = mapped_column(String(20))
    theme: Mapped[str | None] = mapped_column(String(20))
    created: Mapped[datetime]
    password_changed: Mapped[datetime | None]
    last_login: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("oidc_issuer", "oidc_subject"),)


class LoginFailureRow(Row):
    """Wrong passwords in a row for one name, whether a user has it or not: a lock does not tell which names exist."""

    __tablename__ = "login_failures"

    name_sha256: Mapped[str] = mapped_column(_SHA256, primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    last: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]


class LoginSessionRow(Row):
    """A browser in which somebody is logged in; the row is deleted at the end of it."""

    __tablename__ = "login_sessions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(_SHA256, unique=True)
    """Of the cookie's value, which is nowhere stored."""
    csrf_token: Mapped[str] = mapped_column(String(100))
    created: Mapped[datetime]
    last_seen: Mapped[datetime]
    expires: Mapped[datetime]
    """The absolute end; the idle one follows from `last_seen`."""

    user: Mapped[UserRow] = relationship(lazy="joined")


class ApiTokenRow(Row):
    """A secret with which a program acts for a user."""

    __tablename__ = "api_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str]
    """What the user calls it."""
    prefix: Mapped[str] = mapped_column(String(12))
    """Its first characters, by which it is told apart."""
    token_sha256: Mapped[str] = mapped_column(_SHA256, unique=True)
    permissions: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """The permissions it is limited to; None gives those of the user's role."""
    created: Mapped[datetime]
    expires: Mapped[datetime | None]
    last_used: Mapped[datetime | None]
    revoked: Mapped[datetime | None]

    user: Mapped[UserRow] = relationship(lazy="joined")


class AuditEntryRow(Row):
    """Who did what and when; written by `audit.py` alone, never changed or deleted."""

    __tablename__ = "audit_entries"

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    """From 1 on, without a gap."""
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    """The user's id; None where no user acted."""
    actor: Mapped[str]
    """The user's name at that time; else `console` for the command line, `radiolens` for the program itself."""
    action: Mapped[str] = mapped_column(String(80), index=True)
    """What was done, for instance `case.close`."""
    target: Mapped[str] = mapped_column(index=True)
    """To what, for instance `case:` and its id; empty for the site."""
    detail: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(_SHA256)
    hash: Mapped[str] = mapped_column(_SHA256)


class AuditHeadRow(Row):
    """The end of the chain of audit entries, in one row: who writes an entry locks it."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(_SHA256)


class UploadRow(Row):
    """One request that brought files; its cases name it."""

    __tablename__ = "uploads"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    created: Mapped[datetime]
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    task: Mapped[str] = mapped_column(String(60))
    """What was asked, `auto` where the file shall tell."""
    files: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)


class CaseRow(Row):
    """What is read together: the images of one patient from one upload."""

    __tablename__ = "cases"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    upload_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("uploads.id"), index=True)
    task: Mapped[str] = mapped_column(String(60))
    """What was asked, `auto` where the file shall tell."""
    bundle_name: Mapped[str | None] = mapped_column(String(100))
    """The network that was named, of that task; None where that of the study answers."""
    patient_group: Mapped[str | None] = mapped_column(_SHA256, index=True)
    """Keyed hash of what the header says of the patient; its key is forgotten with the upload."""
    blinded: Mapped[bool] = mapped_column(default=False)
    """Whether a reader has to answer before the network's answer is shown: the site's mode when it was received."""
    state: Mapped[CaseState] = mapped_column(words(CaseState), default=CaseState.OPEN)
    created: Mapped[datetime]
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    decision: Mapped[str | None] = mapped_column(String(40))
    urgency: Mapped[float | None]
    """0 to 1. Both follow from the predictions and are kept to sort by; worklist/disclosure.py says who sees them."""
    changed: Mapped[datetime] = mapped_column(index=True)
    """The last time that something of the case or its images changed; what is waited for by the work list."""
    closed: Mapped[datetime | None]
    closed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    erase_after: Mapped[datetime | None]
    """When the working copies of its files are erased, even if it is still open."""
    erased: Mapped[datetime | None]
    """When they were."""

    images: Mapped[list[ImageRow]] = relationship(back_populates="case", order_by="ImageRow.position")
    answers: Mapped[list[AnswerRow]] = relationship(order_by="AnswerRow.created")
    diagnoses: Mapped[list[DiagnosisRow]] = relationship(order_by="DiagnosisRow.created")

    __table_args__ = (Index(None, "state", "created"), Index(None, "erase_after"))


class ImageRow(Row):
    """One input of a case: a file, a series or a volume, and its place in the queue."""

    __tablename__ = "images"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    """From 0 on, within its case."""
    kind: Mapped[ImageKind] = mapped_column(words(ImageKind), default=ImageKind.FILE)
    state: Mapped[ImageState] = mapped_column(words(ImageState), default=ImageState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_until: Mapped[datetime | None]
    """Until then the worker of that name scores it; later, another may take it."""
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    files: Mapped[int] = mapped_column(default=1)
    """Of which it is made."""
    store_name: Mapped[str | None] = mapped_column(String(100))
    """Its random name in the encrypted working store; None once it is erased."""
    map_name: Mapped[str | None] = mapped_column(String(100))
    """The same of its heat maps."""
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """`code` and `message`, without the file's name, of one that is unreadable or failed."""
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What of its header a reader needs beside it, for instance age, view and spacing."""
    created: Mapped[datetime]
    changed: Mapped[datetime] = mapped_column(index=True)
    finished: Mapped[datetime | None]
    erased: Mapped[datetime | None]

    case: Mapped[CaseRow] = relationship(back_populates="images")
    predictions: Mapped[list[PredictionRow]] = relationship(back_populates="image", order_by="PredictionRow.created")

    __table_args__ = (Index(None, "state", "lease_until"), Index(None, "state", "created"))


class PredictionRow(Row):
    """What a bundle says of an image: the object of docs/contracts.md without its `path`."""

    __tablename__ = "predictions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    image_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("images.id"))
    bundle_name: Mapped[str] = mapped_column(String(100), default="")
    bundle_version: Mapped[str] = mapped_column(String(40), default="")
    bundle_sha256: Mapped[str] = mapped_column(_SHA256, default="")
    """Empty where no bundle was asked: the file was unreadable, or refused before."""
    profile_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("profiles.id"))
    record: Mapped[dict[str, Any]]
    shadow: Mapped[bool] = mapped_column(default=False)
    """Kept for a comparison of bundles, never shown as the answer."""
    created: Mapped[datetime]

    image: Mapped[ImageRow] = relationship(back_populates="predictions")

    __table_args__ = (UniqueConstraint("image_id", "bundle_sha256", "shadow"),)


class AnswerRow(Row):
    """A reader's answer; never changed, a later one of the same reader stands beside it."""

    __tablename__ = "answers"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    stage: Mapped[AnswerStage] = mapped_column(words(AnswerStage))
    presence: Mapped[dict[str, str]]
    """`present`, `absent` or `indeterminate` by label."""
    agreed: Mapped[bool | None]
    """With the network's answer; None before it was shown."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Of an answer that overrides the network's."""
    comment: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime]


class DiagnosisRow(Row):
    """What another test told later of the patient of a case; never changed, the last one counts."""

    __tablename__ = "diagnoses"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    presence: Mapped[dict[str, str]]
    test: Mapped[str] = mapped_column(String(60))
    """For instance `xpert`, `culture`, `histology`, `follow-up`."""
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    created: Mapped[datetime]


class ProfileRow(Row):
    """The site's thresholds for one bundle, as planned; at most one is active for a bundle."""

    __tablename__ = "profiles"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    site: Mapped[str]
    bundle_name: Mapped[str] = mapped_column(String(100))
    bundle_version: Mapped[str] = mapped_column(String(40))
    bundle_sha256: Mapped[str] = mapped_column(_SHA256, index=True)
    thresholds: Mapped[dict[str, float]]
    evidence: Mapped[str] = mapped_column(Text)
    rules: Mapped[dict[str, str]] = mapped_column(default=dict)
    plan: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The figures that the planner showed when it was saved."""
    active: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime]
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    disabled: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(Text)


class ActivationRow(Row):
    """A time in which a bundle was used; the one without an end counts."""

    __tablename__ = "activations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    task: Mapped[str] = mapped_column(String(60), index=True)
    bundle_name: Mapped[str] = mapped_column(String(100))
    bundle_version: Mapped[str] = mapped_column(String(40))
    bundle_sha256: Mapped[str] = mapped_column(_SHA256)
    role: Mapped[ActivationRole] = mapped_column(words(ActivationRole))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))


class SiteSettingRow(Row):
    """What an administrator sets in the app, for instance `second_reader`; what is not set has its default."""

    __tablename__ = "site_settings"

    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    changed: Mapped[datetime]
    changed_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))


class KeptImageRow(Row):
    """A de-identified image that the site keeps for a stated time; the pixels lie encrypted in the working store."""

    __tablename__ = "kept_images"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    image_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("images.id"), index=True)
    store_name: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    header: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What of the header is allowed to stay."""
    created: Mapped[datetime]
    erase_after: Mapped[datetime] = mapped_column(index=True)
    erased: Mapped[datetime | None]
