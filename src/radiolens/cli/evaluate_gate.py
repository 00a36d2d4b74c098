"""`radiolens evaluate-gate`: measures the gate on the known collections, and writes its evidence."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from radiolens.cli.number_types import SEED

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["command"]


@click.command("evaluate-gate")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--gate", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Its folder; default: the installed."
)
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where files go.")
@click.option("--largest", type=click.IntRange(min=1), help="At most so many pictures of each source; default: all.")
@click.option("--defective", default=200, show_default=True, type=click.IntRange(min=1), help="With every defect.")
@click.option("--drawn", default=20, show_default=True, type=click.IntRange(min=1), help="Of each generator of junk.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of everything that is drawn.")
@click.option("--json", "as_json", is_flag=True, help="Print evaluation.json instead of the table.")
def command(
    data: Path,
    *,
    gate: Path | None,
    output: Path,
    largest: int | None,
    defective: int,
    drawn: int,
    seed: int,
    as_json: bool,
) -> None:
    """Measure the gate on the test pictures of the collections in the folder DATA.

    OUTPUT gets evaluation.json, report.html and the hashes of both.
    """
    from radiolens.bundle import RELEASED
    from radiolens.cli.configuration import read_settings
    from radiolens.cli.stages import stage_progress
    from radiolens.inference.gate_bundle import find_gate
    from radiolens.inference.gate_network import GateNetwork
    from radiolens.validation.gate.evidence import GatePlan, make_gate_evidence

    folder = gate or find_gate([RELEASED, read_settings().home / "bundles"])
    if folder is None:
        raise click.UsageError("No gate is installed. Make one with `radiolens train-gate`, and name it with --gate.")
    plan = GatePlan(largest, defective, drawn, seed, shlex.join(["radiolens", *sys.argv[1:]]))
    content = make_gate_evidence(GateNetwork.open(folder), data, output, plan, stage_progress(sys.stderr))
    click.echo(json.dumps(content, indent=1) if as_json else _table(content))
    click.echo(f"written: {output / 'evaluation.json'}, {output / 'report.html'}", err=True)


def _table(content: Mapping[str, Any]) -> str:
    """Return a line for each folder, source and defect."""
    parts = ("others", "genuine", "external", "defects")
    rows = [(part, row) for part in parts for row in content[part]] + [("genuine", content["all_genuine"])]
    lines = [f"{'part':9}{'group':18}{'n':>6}  {'refused':24}right code"]
    lines += [
        f"{part:9}{row['group']:18}{row['count']:6}  {_share(row['refused']):24}{_share(row['right_code'])}"
        for part, row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _share(found: Mapping[str, Any] | None) -> str:
    if found is None or found["estimate"] is None:
        return ""
    return f"{found['estimate']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
