"""The bundle that a command is given: a folder, or the name of an installed one."""

from __future__ import annotations

from pathlib import Path

import click

from radiolens.cli.configuration import read_settings

__all__ = ["bundle_folder"]


def bundle_folder(bundle: str) -> Path:
    """Return the folder of a bundle; raise UsageError that names the installed ones if there is none."""
    from radiolens.bundle import RELEASED, find_bundles

    folder = Path(bundle)
    if folder.is_dir() and (folder / "bundle.json").is_file():
        return folder
    installed = find_bundles([RELEASED, read_settings().home / "bundles"])
    if bundle not in installed:
        known = ", ".join(installed) or "no bundles"
        raise click.UsageError(f"{bundle}: neither a bundle's folder nor one of {known}.")
    return installed[bundle]
