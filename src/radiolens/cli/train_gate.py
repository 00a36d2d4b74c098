"""`radiolens train-gate`: makes the gate's bundle of the known collections."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from radiolens.cli.number_types import SEED

__all__ = ["command"]


@click.command("train-gate")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--version", required=True, help="Of the bundle, for instance 0.1.0.")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="The bundle's folder.")
@click.option(
    "--work",
    default=Path("runs/gate"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Keeps the features of the pictures, which take most of the time.",
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of everything that is drawn.")
def command(data: Path, *, version: str, output: Path, work: Path, seed: int) -> None:
    """Make the gate's bundle of the collections in the folder DATA; called again, it goes on where it was cut.

    DATA holds chest-xray, brain-mri, brain-ct and out-of-distribution/train. Whoever changes data or recipe gives
    another folder with --work.
    """
    from radiolens.cli.stages import stage_progress
    from radiolens.training.gate.release import train_gate

    made = train_gate(data, output, version, work, seed, stage_progress(sys.stderr))
    click.echo(f"gate {made.bundle.version}: {made.sha256}")
    for name, limit in made.bundle.refuse_from.items():
        click.echo(f"{name}: {limit:.4f}")
