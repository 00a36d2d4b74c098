"""`radiolens db COMMAND`: brings the site's database to this version, backs it up, and puts a backup back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.cli.configuration import read_settings

if TYPE_CHECKING:
    from radiolens.store.backup import Backup

__all__ = ["command"]


@click.group("db")
def command() -> None:
    """Bring the site's database to this version, back it up, and put a backup back."""


@command.command("upgrade")
def _upgrade() -> None:
    """Make the tables, or bring those of an older version to this one; all steps or none."""
    from radiolens.store import migration
    from radiolens.store.database import open_database

    database = open_database(read_settings().database_address)
    click.echo(f"{database.shown} is of revision {migration.newest()}.")
    database.close()


@command.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what it holds as JSON.")
def _backup(file: Path, as_json: bool) -> None:
    """Copy the database to FILE, also while the app runs. It holds no image and no key."""
    from radiolens.store.backup import back_up

    _print(back_up(read_settings().database_address, file), "written", as_json)


@command.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Even if the database holds something, which is lost then.")
@click.option("--json", "as_json", is_flag=True, help="Print what was restored as JSON.")
def _restore(file: Path, replace: bool, as_json: bool) -> None:
    """Put the content of FILE into the database, all or nothing. Stop the app before.

    Everybody has to sign in again, and API tokens have to be made anew.
    """
    from radiolens.store.backup import restore

    _print(restore(read_settings().database_address, file, replace=replace), "restored", as_json)


def _print(backup: Backup, done: str, as_json: bool) -> None:
    if backup.broken:
        click.echo(f"Beware: its audit log does not hold: {backup.broken.reason}.", err=True)
    if not as_json:
        end = f"audit log of {backup.end.number} entries, the last with hash {backup.end.hash}"
        click.echo(
            f"{done}: {backup.file}: revision {backup.revision}, {backup.users} users, {backup.cases} cases, {end}"
        )
        return
    told = {"file": str(backup.file), "revision": backup.revision, "users": backup.users, "cases": backup.cases}
    broken = backup.broken and {"number": backup.broken.number, "reason": backup.broken.reason}
    click.echo(json.dumps(told | {"end": {"number": backup.end.number, "hash": backup.end.hash}, "broken": broken}))
