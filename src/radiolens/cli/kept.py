"""`radiolens kept COMMAND`: lists, erases and exports the de-identified images that the site keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from radiolens.cli import Failure
from radiolens.cli.configuration import read_settings

if TYPE_CHECKING:
    from radiolens.store.database import Database
    from radiolens.worklist.keeping import KeptImage
    from radiolens.worklist.working_store import WorkingStore

__all__ = ["command"]

_case = click.option("--case", "case_id", type=click.UUID, help="Those of this case.")


@click.group("kept")
def command() -> None:
    """List, erase and export the de-identified images that the site keeps; the audit log names the console for it."""


@command.command("list")
@_case
@click.option("--json", "as_json", is_flag=True, help="Print an object a line.")
def _list(case_id: UUID | None, as_json: bool) -> None:
    """Print the images that are kept, those first that are erased first."""
    from radiolens.worklist.keeping import KeptFilter, kept_images

    with _database() as database, database.reading() as session:
        for entry in kept_images(session, KeptFilter(case_id)):
            click.echo(json.dumps(_record(entry)) if as_json else _line(entry))


@command.command("erase")
@_case
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="Those that were kept before this day (UTC).")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def _erase(case_id: UUID | None, before: datetime | None, everything: bool, yes: bool) -> None:
    """Erase kept images for good, now; give --case, --before or both, or --all."""
    from radiolens.store import audit
    from radiolens.worklist.keeping import KeptFilter, erase_kept, kept_images

    if everything is (case_id is not None or before is not None):
        raise click.UsageError("Say which: --case ID, --before DAY or both, or else --all.")
    which = KeptFilter(case_id, kept_before=before.replace(tzinfo=UTC) if before else None)
    with _database() as database:
        with database.reading() as session:
            count = len(kept_images(session, which))
        if count and not yes:
            click.confirm(f"Erase {count} kept images for good?", abort=True)
        with database.session() as session:
            names = erase_kept(session, audit.CONSOLE, which)
        store = _store(with_keys=False)
        for name in names:
            store.erase(name)
    click.echo(f"erased: {len(names)} kept images")


@command.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@_case
def _export(folder: Path, case_id: UUID | None) -> None:
    """Write kept images to a new FOLDER, no longer encrypted: npz files and a table, images.csv."""
    from radiolens.store import audit
    from radiolens.worklist.keeping import KeptFilter, kept_images
    from radiolens.worklist.kept_export import export_kept

    with _database() as database:
        with database.session() as session:  # told before anything leaves: an export that fails was tried
            found = kept_images(session, KeptFilter(case_id))
            audit.append(session, audit.CONSOLE, "kept_image.export", "", {"images": len(found)})
        lost = export_kept(_store(with_keys=True), found, folder)
    click.echo(f"written: {folder}: {len(found) - len(lost)} images, not encrypted")
    if lost:
        raise Failure(
            f"{len(lost)} kept images could not be opened: they are damaged, or their key is lost. "
            "See docs/worklist.md, Keys."
        )


@contextmanager
def _database() -> Iterator[Database]:
    from radiolens.store.database import open_database

    database = open_database(read_settings().database_address, upgrade=False)
    try:
        yield database
    finally:
        database.close()


def _store(*, with_keys: bool) -> WorkingStore:
    """Return the working store; to erase needs no key, and shall make none."""
    from radiolens.worklist.keys import KEY_FILE, KeyRing, read_keys
    from radiolens.worklist.working_store import FOLDER, WorkingStore

    settings = read_settings()
    keys = read_keys(settings.home / KEY_FILE, settings.store_key_words) if with_keys else KeyRing(())
    return WorkingStore.open(settings.home / FOLDER, keys)


def _record(entry: KeptImage) -> dict[str, Any]:
    return {
        "kept_id": str(entry.kept_id),
        "case_id": str(entry.case_id),
        "image": entry.position + 1,
        "size_bytes": entry.size_bytes,
        "kept": entry.created.isoformat(timespec="seconds"),
        "erase_after": entry.erase_after.isoformat(timespec="seconds"),
        "header": dict(entry.header),
    }


def _line(entry: KeptImage) -> str:
    modality = entry.header.get("modality") or entry.header["source"]["format"]
    size = f"{entry.size_bytes / 1e6:7.1f} MB"
    days = f"kept {entry.created:%Y-%m-%d}, until {entry.erase_after:%Y-%m-%d}"
    return f"{entry.case_id}  image {entry.position + 1:<3} {modality:<5} {size}  {days}"
