"""`radiolens data audit`: says what is wrong with a data set before anyone trains on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.cli.collection import open_collection
from radiolens.cli.number_types import SEED
from radiolens.tasks import TASKS

if TYPE_CHECKING:
    from radiolens.data.audit.reading import Embedding
    from radiolens.data.audit.report import AuditReport

__all__ = ["command"]

_file = click.Path(dir_okay=False, path_type=Path)
_folder = click.Path(file_okay=False, path_type=Path)


@click.command("audit")
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option("--task", required=True, type=click.Choice([task.name for task in TASKS]))
@click.option("--bundle", help="Whose features are compared: a name or a folder. Default: the task's, else any.")
@click.option("--output", type=_folder, help="Where audit.json, audit.html and groups.csv go.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Only JSON; - prints it.",
)
@click.option("--groups", type=_file, help="Where the proposed duplicate groups go, as a table of path and group.")
@click.option(
    "--cache", type=_folder, default=Path("runs/cache"), show_default=True, help="What was read is kept here."
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of the controls.")
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a problem or warning.")
def command(
    manifest: Path,
    *,
    task: str,
    bundle: str | None,
    output: Path | None,
    json_file: Path | None,
    groups: Path | None,
    cache: Path,
    seed: int,
    strict: bool,
) -> None:
    """Say what is wrong with MANIFEST (a file, or a known collection's folder) before you train on it.

    Unreadable, missing and changed files; copies, also mirrored, brightened, recompressed or cropped ones, and whether
    they cross splits or contradict each other; patients in two splits; balance; what borders and brightness alone tell.
    Called again it goes on where it was cut. Exit code 0, with --strict 1 if anything but information was found.
    """
    from radiolens.data.audit.page import write_page
    from radiolens.data.audit.record import as_json, write_groups
    from radiolens.data.audit.run import audit
    from radiolens.data.audit.store import open_store

    found = open_collection(manifest, task)
    embedding = _embedding(bundle, task)
    with open_store(cache, embedding) as store:
        with _progress() as progress:
            audited = audit(found, embedding, store, seed, progress=progress)
        report = audited.report
        text = json.dumps(as_json(report), indent=1, allow_nan=False)
        if output:
            output.mkdir(parents=True, exist_ok=True)
            (output / "audit.json").write_text(text + "\n", encoding="utf-8")
            write_groups(report, output / "groups.csv")
            write_page(report, audited.hashes, store, output / "audit.html")
    if json_file:
        with click.open_file(str(json_file), "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
    if groups:
        write_groups(report, groups)
    if str(json_file) != "-":
        click.echo(_told(report, output))
    if strict and not report.clean:
        raise click.exceptions.Exit(1)


def _embedding(bundle: str | None, task: str) -> Embedding:
    """Return the pooled features of a bundle's network; one thread each, since two images are read at a time."""
    from radiolens.data.audit.reading import Embedding
    from radiolens.inference.engine import Engine

    engine = Engine.open(_bundle_folder(bundle, task), threads=1)
    name = f"{engine.bundle.name} {engine.bundle.version}"
    return Embedding(
        name, engine.installed.sha256, engine.bundle.preprocessing, lambda grey: engine.run(grey)[1].mean(axis=(1, 2))
    )


def _bundle_folder(bundle: str | None, task: str) -> Path:
    from radiolens.bundle import RELEASED, find_bundles

    released = find_bundles([RELEASED])
    if bundle and (Path(bundle) / "bundle.json").is_file():
        return Path(bundle)
    if bundle and bundle not in released:
        raise click.UsageError(
            f"--bundle {bundle}: neither a bundle's folder nor one of {', '.join(released) or 'no bundles'}."
        )
    if not released:
        raise click.UsageError("No bundle is installed. Name a bundle's folder with --bundle.")
    return released.get(bundle or task) or next(iter(released.values()))


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Give a callback (stage, done, total) that draws one bar after the other on standard error."""
    with ExitStack() as open_bars:
        updates: dict[str, Callable[[int], None]] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in updates:
                open_bars.close()  # of the stage before
                bar = open_bars.enter_context(click.progressbar(length=total, label=stage, file=sys.stderr))
                updates[stage] = lambda place: bar.update(place - bar.pos)
            updates[stage](done)

        yield report


def _told(report: AuditReport, output: Path | None) -> str:
    lines = [f"{report.readable} of {report.images} images could be read."]
    lines += [f"{remark.severity}: {remark.message} {remark.advice}" for remark in report.remarks]
    if report.clean:
        lines.append("No problem and no warning.")
    if output:
        lines.append(f"written: {output / 'audit.html'}, audit.json, groups.csv")
    return "\n".join(lines)
