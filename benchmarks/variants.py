"""What generalises: every variant of the training recipes, on features of untouched ImageNet networks.

Command: python -m benchmarks.variants --data ../shared/data
Runtime: a minute of one core for a variant and task; killed, it goes on where it was. No run of all was timed.
docs/variants.md holds the table that it prints. Test splits and external sources are not read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from types import MappingProxyType

from radiolens.data.case import Manifest
from radiolens.data.sources import brain_ct, brain_mri, chest_xray
from radiolens.evaluation.intervals import Interval
from radiolens.training.variants import PLAIN, known_variants
from radiolens.validation.variants.compare import Compared, compare
from radiolens.validation.variants.pictures import read_pictures
from radiolens.validation.variants.sample import draw_sample

__all__ = ["table"]

SOURCES: Mapping[str, Callable[[Path], Manifest]] = MappingProxyType(
    {"chest-xray": chest_xray.load, "brain-mri": brain_mri.load, "brain-ct": brain_ct.load}
)

IMAGES: Mapping[str, int] = MappingProxyType({"chest-xray": 1200, "brain-mri": 560, "brain-ct": 450})
"""Most of each task: all NIH films, and of the larger hospitals as many of each label."""

ONLY: Mapping[str, str] = MappingProxyType(
    {"implied_absences": "chest-xray", "masked_pneumonia": "chest-xray", "quarter_turns": "brain-ct"}
)
"""Variants that are about one task."""


def table(rows: Sequence[Compared]) -> str:
    """Return the rows of one task as two Markdown tables: the lines with the plain recipe, and the gains of variants.

    Each line has a letter. A gain stands with half the width of its 95 % interval, bold where that leaves out 0; on a
    line whose best AUROC is 0.5 it is how much nearer to that the variant comes, without an interval.
    """
    lines = dict(zip(dict.fromkeys((row.line, row.unseen) for row in rows), ascii_uppercase, strict=False))
    names = [name for name in dict.fromkeys(row.variant for row in rows) if name != PLAIN]
    found = {(row.variant, row.line, row.unseen): row for row in rows}
    head = [
        "| | told apart | no fit saw | images | patients | best | plain: AUROC | borders and brightness |",
        "|---|---|---|---|---|---|---|---|",
        *(_line(letter, found[PLAIN, *line]) for line, letter in lines.items()),
    ]
    gains = [
        f"| variant | {' | '.join(lines.values())} |",
        f"|---|{'---|' * len(lines)}",
        *(f"| {name} | {' | '.join(_gain(found[name, *line]) for line in lines)} |" for name in names),
    ]
    return "\n".join([*head, "", *gains])


def _line(letter: str, row: Compared) -> str:
    what = [letter, row.line, row.unseen or "-", row.cases, row.patients, f"{row.target:g}", _text(row.auroc)]
    return f"| {' | '.join(map(str, what))} | {_text(row.control)} |"


def _text(found: Interval) -> str:
    return f"{found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})"


def _gain(row: Compared) -> str:
    gain = row.gain
    if row.target < 1:
        return f"{gain.estimate:+.3f}"
    told = f"{gain.estimate:+.3f} ± {(gain.high - gain.low) / 2:.3f}"
    return f"**{told}**" if gain.low > 0 or gain.high < 0 else told


def main() -> None:
    """Compare the variants of each task and print the table."""
    parser = argparse.ArgumentParser(description="Compare variants of the training recipes.")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the collections")
    parser.add_argument("--cache", type=Path, default=Path("runs/variants"))
    parser.add_argument("--tasks", nargs="+", choices=list(SOURCES), default=list(SOURCES))
    parser.add_argument("--variants", nargs="+", choices=known_variants(), default=known_variants())
    parser.add_argument("--images", type=int, help="most images of each task; else 1200, 560 and 450")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for task in asked.tasks:
        sample = draw_sample(SOURCES[task](asked.data / task), asked.images or IMAGES[task], asked.seed)
        pictures = read_pictures(sample, asked.seed, asked.cache, _progress)
        names = [PLAIN, *(name for name in asked.variants if name != PLAIN and ONLY.get(name, task) == task)]
        print(f"\n## {task}\n\nSeed {asked.seed}, {len(sample.cases)} images.\n", flush=True)
        rows = []
        for row in compare(pictures, names):
            rows.append(row)
            print(f"{row.variant}: {row.line}, {row.unseen or 'all seen'}: {_gain(row)}", file=sys.stderr, flush=True)
        print(table(rows), flush=True)


def _progress(stage: str, done: int, total: int) -> None:
    if done == total:
        print(f"{stage}: {done}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
