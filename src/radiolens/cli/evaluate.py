"""`radiolens evaluate`: measures a bundle."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

__all__ = ["command"]


@click.command("evaluate")
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--split", "splits", multiple=True, default=["test"], help="May be given several times.")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def command(bundle: Path, data: Path, splits: tuple[str, ...], output: Path, *, as_json: bool) -> None:
    """Measure BUNDLE (a folder) on the collection DATA and write OUTPUT/evaluation.json."""
    from radiolens.data.sources import LAYOUTS
    from radiolens.inference.engine import Engine
    from radiolens.validation.score import score
    from radiolens.validation.study import measure, write_study

    engine = Engine.open(bundle)
    manifest = LAYOUTS[engine.bundle.task](data)
    cases = [case for case in manifest.cases if case.split in splits]
    scored = score(engine, manifest, cases, Path("runs/cache"))
    settings = {"split": list(splits), "bundle": engine.installed.sha256, "command": " ".join(sys.argv)}
    study = measure(manifest.task, scored, engine.bundle.thresholds, settings)
    file = write_study(study, output)
    click.echo(json.dumps(asdict(study)) if as_json else str(file))
