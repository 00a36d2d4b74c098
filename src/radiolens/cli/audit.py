"""`radiolens audit COMMAND`: checks the audit log, shows it, and writes it to a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from radiolens.cli import Failure
from radiolens.cli.configuration import read_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from radiolens.store.audit import Anchor, Entry

__all__ = ["command"]

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group("audit")
def command() -> None:
    """Check the log of who did what, show it, and write it to a file."""


@command.command("verify")
@click.option("--anchor", metavar="NUMBER:HASH", help="The end of the log as once printed; it must still be there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def _verify(anchor: str | None, as_json: bool) -> None:
    """Check that no entry was changed, removed or inserted; name the first broken link (exit code 1)."""
    from radiolens.store import audit

    with _reading() as session:
        broken = audit.verify(session, _anchor(anchor))
        end = audit.head(session)
    if as_json:
        found = broken and {"number": broken.number, "reason": broken.reason}
        click.echo(json.dumps({"whole": broken is None, "broken": found, "number": end.number, "hash": end.hash}))
    elif broken is None:
        click.echo(f"The audit log is whole. Its end, to be noted elsewhere: {end.number}:{end.hash}")
    if broken is not None:
        raise Failure(
            f"The audit log is broken: {broken.reason}. Entries before {broken.number} hold. Keep a copy of the "
            "database, and compare it with a backup."
        )


@command.command("show")
@click.option("--actor", default="", help="Of this user, console or radiolens.")
@click.option("--action", default="", help="Actions that begin so, for instance case.")
@click.option("--target", default="", help="Targets that begin so, for instance case:<id>.")
@click.option("--since", type=_DAY, help="From this day or moment on (UTC).")
@click.option("--until", type=_DAY, help="Before this day or moment (UTC).")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="So many of the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print an object a line.")
def _show(
    actor: str, action: str, target: str, since: datetime | None, until: datetime | None, limit: int, as_json: bool
) -> None:
    """Print entries, the newest first."""
    from radiolens.store import audit

    with _reading() as session:
        found = audit.entries(
            session, actor=actor, action=action, target=target, since=_utc(since), until=_utc(until), limit=limit
        )
        for entry in found:
            click.echo(json.dumps(_record(entry)) if as_json else _line(entry))


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def _export(file: Path) -> None:
    """Write the whole log to FILE, a JSON object a line, the oldest first; the log tells of it."""
    from radiolens.store import audit
    from radiolens.store.database import open_database

    database = open_database(read_settings().database_address, upgrade=False)
    try:
        with file.open("x", encoding="utf-8") as lines, database.reading() as session:
            number = sum(
                lines.write(json.dumps(_record(entry), ensure_ascii=False) + "\n") > 0
                for entry in audit.entries(session, newest_first=False)
            )
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}. Name a new file in a folder of yours.") from error
    with database.session() as session:
        audit.append(session, audit.CONSOLE, "audit.export", "", {"entries": number})
    database.close()
    click.echo(f"written: {file}: {number} entries")


@contextmanager
def _reading() -> Iterator[Session]:
    from radiolens.store.database import open_database

    database = open_database(read_settings().database_address, upgrade=False)
    with database.reading() as session:
        yield session
    database.close()


def _anchor(text: str | None) -> Anchor | None:
    from radiolens.store.audit import Anchor

    if text is None:
        return None
    number, _, found = text.partition(":")
    if not number.isdecimal() or len(found) != 64:
        raise click.BadParameter(
            "expected NUMBER:HASH with 64 digits, as `radiolens audit verify` prints it", param_hint="--anchor"
        )
    return Anchor(int(number), found)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _record(entry: Entry) -> dict[str, Any]:
    plain = {"actor_id": entry.actor_id and str(entry.actor_id), "at": entry.at.isoformat(timespec="microseconds")}
    return {**vars(entry), **plain}


def _line(entry: Entry) -> str:
    detail = json.dumps(entry.detail, ensure_ascii=False) if entry.detail else ""
    who_what = f"{entry.actor:<16} {entry.action:<20}"
    return f"{entry.number:>6}  {entry.at:%Y-%m-%d %H:%M:%S}Z  {who_what} {entry.target} {detail}".rstrip()
