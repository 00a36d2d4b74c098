"""`radiolens bundle COMMAND`: checks a bundle, and seals its evidence."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("bundle")
def command() -> None:
    """Check a bundle, or seal its evidence."""


@command.command("verify")
@click.argument("folder", type=_FOLDER)
def _verify(folder: Path) -> None:
    """Check every hash of FOLDER and of its evidence, and that the network still gives its golden answers."""
    from radiolens.bundle import verify_evidence
    from radiolens.inference.engine import Engine

    installed = Engine.open(folder).installed
    verify_evidence(folder)
    identity = installed.identity
    click.echo(f"{identity.name} {identity.version} is whole: {identity.sha256}")


@command.command("seal")
@click.argument("folder", type=_FOLDER)
def _seal(folder: Path) -> None:
    """Write the model card of FOLDER anew, with the figures of its evidence, and the hashes of the evidence.

    The bundle itself, and so its identity, stays as it is. Text of the author goes to FOLDER/evidence/notes.md.
    """
    from radiolens.validation.card import seal

    click.echo(f"written: {seal(folder)}")
