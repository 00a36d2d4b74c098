"""`radiolens data COMMAND`. One file per command, loaded only when it is called."""

from __future__ import annotations

import click

from radiolens.cli.lazy_group import LazyGroup

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "acquire": "Download a public set, or check one that was placed by hand.",
    "import": "Make a manifest of folders, a table, DICOM files or a known collection.",
    "audit": "Find duplicates, leakage, conflicts and shortcuts.",
    "split": "Cut a manifest into splits or folds, or check the ones it has.",
}


@click.group("data", cls=LazyGroup, table=COMMANDS, prefix="radiolens.cli.data_")
def command() -> None:
    """Make, split and check manifests; download public sets."""
