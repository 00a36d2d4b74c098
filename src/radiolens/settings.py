"""The settings of the program: one frozen value from the environment (RADIOLENS_...) and a .env file.

Read at the edges only; library functions get plain arguments.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


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
