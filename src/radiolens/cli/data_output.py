"""What the commands of `radiolens data` share: counts of a manifest, progress, and not writing over a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from radiolens.data.case import Manifest

__all__ = ["counts", "counts_table", "progress", "refuse_existing"]


def refuse_existing(file: Path, *, force: bool) -> None:
    """Raise UsageError if a file is there that may not be written over."""
    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already. Give another name, or --force to write over it.")


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give a callback (done, total) that draws a bar on standard error."""
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def report(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield report


def counts_table(manifest: Manifest) -> str:
    """Return the counts of images by split and source, and of each label in it, as a table."""
    rows = counts(manifest)
    names = manifest.task.label_names
    lines = [f"{'split':<12} {'source':<20} {'images':>8} {'groups':>8}" + "".join(f"  {name:>13}" for name in names)]
    for row in rows:
        labels = "".join(f"  {row[name]:>13}" for name in names)
        lines.append(
            f"{row['split'] or '-':<12} {row['source'] or '-':<20} {row['images']:>8} {row['groups']:>8}{labels}"
        )
    return "\n".join(lines)


def counts(manifest: Manifest) -> list[dict[str, str | int]]:
    """Return a row for each split and source: its images, its patients or groups, and the images with each label."""
    from radiolens.data.splits import group_ids

    groups = group_ids(manifest.cases)
    parts: dict[tuple[str, str], list[int]] = {}
    for index, case in enumerate(manifest.cases):
        parts.setdefault((case.split, case.source), []).append(index)
    return [
        {
            "split": split,
            "source": source,
            "images": len(indices),
            "groups": len({groups[index] for index in indices}),
            **{name: sum(_has(manifest, index, name) for index in indices) for name in manifest.task.label_names},
        }
        for (split, source), indices in sorted(parts.items())
    ]


def _has(manifest: Manifest, index: int, name: str) -> bool:
    case = manifest.cases[index]
    return case.possible == {name} if manifest.task.exclusive else case.labels.get(name) == 1
