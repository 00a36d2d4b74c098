"""The settings of the program: one frozen value from the environment (RADIOLENS_...) and a .env file.

Read at the edges only; library functions get plain arguments.
"""

from __future__ import annotations

import ipaddress
import os
import re
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from radiolens.safety.gate import Gate

__all__ = ["NONE", "RELEASED_BUNDLES", "SQLITE", "UPLOAD_CHOICES", "LogFormat", "LogLevel", "Settings"]

NONE = "none"
"""A setting that names nothing."""
SQLITE = "sqlite"
"""The database is a file in the home."""
RELEASED_BUNDLES = "released"
UPLOAD_CHOICES = ("1", "2", "3")
"""Of `/upload/`: brain tumour, tuberculosis, pneumonia."""


class LogFormat(StrEnum):
    """How `radiolens serve` writes its log."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseSettings):
    """What a site can set; every field is described in docs/settings.md."""

    model_config = SettingsConfigDict(env_prefix="RADIOLENS_", env_file=".env", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    home: Path = Path.home() / ".local" / "share" / "radiolens"
    database: SecretStr = SecretStr(SQLITE)
    max_upload_bytes: int = Field(256 * 1024 * 1024, gt=0)
    max_files: int = Field(400, gt=0)
    threads: int = Field(0, ge=0)
    allow_remote: bool = False
    upload_bundles: str = RELEASED_BUNDLES
    gate: Gate = Gate.FULL
    scorers: int = Field(3, ge=0)
    quota_bytes: int = Field(20_000_000_000, gt=0)
    store_key: SecretStr = SecretStr(NONE)
    trusted_proxies: str = NONE
    hosts: str = "any"
    root_path: str = "/"
    tls_certificate: str = NONE
    tls_key: str = NONE
    session_idle_minutes: int = Field(30, gt=0)
    session_hours: int = Field(12, gt=0)
    lockout_failures: int = Field(5, gt=0)
    lockout_minutes: int = Field(15, gt=0)
    sign_ins_per_minute: int = Field(60, gt=0)
    requests_per_minute: int = Field(1200, gt=0)
    password_memory_kib: int = Field(65536, ge=8)
    oidc_issuer: str = NONE
    oidc_client_id: str = NONE
    oidc_client_secret: SecretStr = SecretStr(NONE)
    oidc_name_claim: str = "preferred_username"
    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel = LogLevel.INFO

    @field_validator("upload_bundles")
    @classmethod
    def _check_upload_bundles(cls, text: str) -> str:
        _bundles_by_choice(text)
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, text: str) -> str:
        for part in _parts(text):
            try:
                ipaddress.ip_network(part)
            except ValueError as error:
                raise ValueError(
                    f"expected addresses or networks, for instance 127.0.0.1,10.0.0.0/24; found {part!r}"
                ) from error
        return text

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, text: str) -> str:
        if not re.fullmatch(r"/|(/[\w.~-]+)+", text):
            raise ValueError(
                f"expected / or a path without a slash at its end, for instance /radiolens; found {text!r}"
            )
        return text

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, text: str) -> str:
        if text != NONE and not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", text):
            raise ValueError(f"expected the provider's address, beginning with https://; found {text!r}")
        return text

    @model_validator(mode="after")
    def _check_pairs(self) -> Settings:
        if (self.tls_certificate == NONE) != (self.tls_key == NONE):
            raise ValueError("expected both tls_certificate and tls_key, or neither; found one of them")
        if self.oidc_issuer != NONE and NONE in (self.oidc_client_id, self.oidc_client_secret.get_secret_value()):
            raise ValueError("oidc_issuer also needs oidc_client_id and oidc_client_secret, as the provider gave them")
        return self

    @property
    def proxies(self) -> tuple[str, ...]:
        """Return the addresses and networks of trusted proxies."""
        return _parts(self.trusted_proxies)

    @property
    def host_names(self) -> frozenset[str]:
        """Return the names by which the site may be called, in lower case; empty for any."""
        return frozenset() if self.hosts.strip() == "any" else frozenset(map(str.lower, _parts(self.hosts)))

    @property
    def threads_for_each(self) -> int:
        """Return how many cores an answer of the app may use: more than its share would slow down the others."""
        return self.threads or max(1, (os.cpu_count() or 1) // max(1, self.scorers))

    @property
    def root(self) -> str:
        """Return what stands before every path of the app: empty, or for instance `/radiolens`."""
        return self.root_path.rstrip("/")

    @property
    def store_key_words(self) -> str:
        """Return the keys of the working store, with commas; empty where they lie in a file."""
        told = self.store_key.get_secret_value()
        return "" if told == NONE else told

    @property
    def database_address(self) -> str:
        """Return the URL of the site's database, perhaps with a password."""
        told = self.database.get_secret_value().strip()
        return f"sqlite:///{self.home / 'radiolens.db'}" if told == SQLITE else told

    def upload_bundle(self, choice: str) -> str | None:
        """Return the name of the bundle that answers a choice of `/upload/`, None for the released one."""
        return _bundles_by_choice(self.upload_bundles).get(choice)


def _parts(text: str) -> tuple[str, ...]:
    """Return the parts of a list with commas; `none` has none."""
    parts = (part.strip() for part in text.split(","))
    return tuple(part for part in parts if part and part != NONE)


def _bundles_by_choice(text: str) -> dict[str, str]:
    """Return the bundle by choice; raise ValueError, which pydantic reports with the setting's name."""
    if text.strip() in ("", RELEASED_BUNDLES):
        return {}
    found: dict[str, str] = {}
    for part in text.split(","):
        choice, _, name = (word.strip() for word in part.partition("="))
        if choice not in UPLOAD_CHOICES or not name or choice in found:
            raise ValueError(
                f"expected {RELEASED_BUNDLES}, or a bundle for some of the choices {', '.join(UPLOAD_CHOICES)}, for "
                f"instance 1=braintumor,2=Tuberculosis_model; found {part.strip()!r}"
            )
        found[choice] = name
    return found
