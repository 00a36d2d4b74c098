"""A group of commands that loads a command's file when it is called, so that `--help` loads none of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """Finds a command by its name: the `command` of the module `<prefix><name>`, which `table` gives one line of help.

    A dash in a name is an underscore in its module's.
    """

    def __init__(self, *args: Any, table: Mapping[str, str], prefix: str, **kwargs: Any) -> None:  # noqa: ANN401  click's
        super().__init__(*args, **kwargs)
        self._table = table
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, loading its file."""
        if cmd_name not in self._table:
            return None
        command = importlib.import_module(self._prefix + cmd_name.replace("-", "_")).command
        assert isinstance(command, click.Command)  # noqa: S101  each file defines one
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._table.items()))
