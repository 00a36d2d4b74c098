"""The settings of the program: one frozen value from the environment (RADIOLENS_...) and a .env file.

Read at the edges only; library functions get plain arguments.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from radiolens.safety.gate import Gate

__all__ = ["RELEASED_BUNDLES", "UPLOAD_CHOICES", "Settings"]

RELEASED_BUNDLES = "released"
UPLOAD_CHOICES = ("1", "2", "3")
"""Of `/upload/`: brain tumour, tuberculosis, pneumonia."""


class Settings(BaseSettings):
    """What a site can set; every field is described in docs/settings.md."""

    model_config = SettingsConfigDict(env_prefix="RADIOLENS_", env_file=".env", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    home: Path = Path.home() / ".local" / "share" / "radiolens"
    max_upload_bytes: int = Field(256 * 1024 * 1024, gt=0)
    max_files: int = Field(400, gt=0)
    threads: int = Field(0, ge=0)
    allow_remote: bool = False
    upload_bundles: str = RELEASED_BUNDLES
    gate: Gate = Gate.FULL

    @field_validator("upload_bundles")
    @classmethod
    def _check_upload_bundles(cls, text: str) -> str:
        _bundles_by_choice(text)
        return text

    def upload_bundle(self, choice: str) -> str | None:
        """Return the name of the bundle that answers a choice of `/upload/`, None for the released one."""
        return _bundles_by_choice(self.upload_bundles).get(choice)


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
