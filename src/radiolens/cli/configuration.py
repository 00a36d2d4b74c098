"""The settings as the command line reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # loading it takes a fifth of a second, which `--help` saves
    from radiolens.settings import Settings

__all__ = ["read_settings"]


def read_settings() -> Settings:
    """Return the settings of the environment; raise UsageError that names each wrong variable."""
    from pydantic import ValidationError

    from radiolens.settings import Settings

    try:
        return Settings.model_validate({})
    except ValidationError as error:
        wrong = "; ".join(": ".join([*_variable(entry["loc"]), entry["msg"]]) for entry in error.errors())
        raise click.UsageError(f"The environment or .env holds wrong settings. {wrong}") from error


def _variable(place: tuple[int | str, ...]) -> list[str]:
    """Return the name of the variable; what is wrong of several together has no place."""
    return [f"RADIOLENS_{place[0]}".upper()] if place else []
