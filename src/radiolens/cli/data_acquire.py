"""`radiolens data acquire`: public image sets, from their pages to a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from radiolens.data.acquire import Progress
    from radiolens.data.catalogue import PublicSet

__all__ = ["command"]


@click.command("acquire")
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="List the sets, or show one, and download nothing.")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Where the files go.")
@click.option("--from", "address", metavar="URL", help="A file that no catalogue has, instead of NAME.")
@click.option("--sha256", default="", help="What the file at --from must have.")
@click.option(
    "--catalogue", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A site's own, in TOML."
)
@click.option("--no-unpack", is_flag=True, help="Leave archives packed.")
@click.option("--json", "as_json", is_flag=True, help="Print the list, or what was acquired, as JSON.")
def command(
    name: str | None,
    *,
    listed: bool,
    folder: Path | None,
    address: str | None,
    sha256: str,
    catalogue: Path | None,
    no_unpack: bool,
    as_json: bool,
) -> None:
    """Download the public set NAME to a folder, check it, and note where it came from and under which terms.

    A download that was interrupted goes on where it was cut when the command is repeated. Files that need an account
    or an agreement are named with their page; placed in the folder, they are checked and unpacked like the others.
    The exit code is 1 as long as a file is missing.
    """
    from radiolens.data.acquire import acquire, set_of_address
    from radiolens.data.catalogue import known_sets, named_set, read_catalogue

    if listed:
        sets = read_catalogue(catalogue) if catalogue else known_sets()
        _tell_sets([named_set(name, sets)] if name else sets, details=name is not None, as_json=as_json)
        return
    if (name is None) == (address is None) or folder is None or (sha256 and not address):
        raise click.UsageError("Give NAME or --from URL (with --sha256), and --to DIR; or --list.")
    if address:
        chosen = set_of_address(address, sha256.lower())
    else:
        chosen = named_set(name or "", read_catalogue(catalogue) if catalogue else known_sets())
    click.echo(f"{chosen.title}\nlicence: {chosen.licence}\ncite: {chosen.citation}", err=True)
    with ExitStack() as bars:
        done = acquire(chosen, folder, unpacked=not no_unpack, progress=_bars(bars))
    for file, noted in () if as_json else done.noted.items():
        click.echo(f"{noted.sha256}  {file}  ({noted.file_bytes} bytes)")
    if as_json:
        click.echo(json.dumps({file: {"sha256": it.sha256, "bytes": it.file_bytes} for file, it in done.noted.items()}))
    if done.missing:
        from radiolens.errors import DatasetError

        raise DatasetError(
            f"{', '.join(file.name for file in done.missing)} must be placed in {folder} by hand. "
            f"{chosen.instructions} Page: {chosen.page}. Then run this command again."
        )


def _bars(bars: ExitStack) -> Progress:
    """Return a callback that draws one bar after the other on standard error."""
    from radiolens.cli.data_output import progress

    open_bars: dict[str, Callable[[int, int], None]] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in open_bars:
            bars.close()  # the one before is full
            open_bars[what] = bars.enter_context(progress(what))
        open_bars[what](done, total)

    return tell


def _tell_sets(sets: Sequence[PublicSet], *, details: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(public_set) for public_set in sets], indent=1))
        return
    for entry in sets:
        how = "by hand" if len(entry.manual) == len(entry.files) else "partly by hand" if entry.manual else "download"
        click.echo(f"{entry.name:<22} {', '.join(entry.tasks):<11} {how:<14} {entry.title}")
        if details:
            _tell_details(entry)


def _tell_details(entry: PublicSet) -> None:
    for what in ("page", "licence", "citation", "note", "instructions"):
        click.echo(f"  {what}: {getattr(entry, what) or '-'}")
    for file in entry.files:
        click.echo(f"  file: {file.name}  {file.url or 'by hand'}  {file.sha256 or 'checksum unknown'}")
