"""The command line: `radiolens COMMAND`. One file per command, loaded only when it is called.

Exit codes: 0 done; 1 an input could not be read, or the work failed; 2 wrong usage.
"""

from __future__ import annotations

import importlib
import sys

import click

from radiolens import __version__
from radiolens.errors import RadiolensError

__all__ = ["COMMANDS", "Commands", "cli", "main"]

COMMANDS = {
    "predict": "Answer images, folders, zips and series.",
    "tasks": "List what can be asked.",
    "serve": "Start the web app on this computer.",
    "train": "Run an experiment.",
    "export": "Turn a trained network into a bundle.",
    "evaluate": "Measure a bundle on a manifest.",
    "data": "Make, split and check manifests.",
}


class Commands(click.Group):
    """Finds a command's file by its name, so that `--help` loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, loading its file."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"radiolens.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101  each file defines one
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands)
@click.version_option(__version__)
def cli() -> None:
    """Second reading of chest X-rays and brain images. For education and research; not a medical device."""


def main() -> None:
    """Run the command line; an expected error is one sentence on standard error, and exit code 1."""
    try:
        cli()
    except RadiolensError as error:
        click.echo(f"radiolens: {error}", err=True)
        sys.exit(1)
