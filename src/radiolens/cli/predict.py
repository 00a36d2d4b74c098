"""`radiolens predict`: answers images on the command line."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import click

from radiolens.tasks import TASKS

__all__ = ["command"]


@click.command("predict")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--task", default="auto", type=click.Choice(["auto", *(task.name for task in TASKS)]), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")
@click.option("--no-gate", is_flag=True, help="Score what would be refused; needs a named task.")
@click.option("--profile", type=click.Path(exists=True, path_type=Path), help="The site's thresholds (JSON).")
@click.option("--heatmaps", type=click.Path(file_okay=False, path_type=Path), help="Write overlays into this folder.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write a table (.csv).")
def command(
    paths: tuple[str, ...],
    task: str,
    *,
    as_json: bool,
    no_gate: bool,
    profile: Path | None,
    heatmaps: Path | None,
    output: Path | None,
) -> None:
    """Answer files, folders, zips, DICOM series and @lists. Exit code 1 if one could not be read."""
    from radiolens.imaging.untrusted import start

    start()  # overlaps the runtime's own start
    from radiolens.inference.bulk import inputs, listed_paths, predict_inputs
    from radiolens.inference.predict import Predictor
    from radiolens.inference.profile_file import read_profile
    from radiolens.inference.record import record

    if no_gate and task == "auto":
        raise click.UsageError("--no-gate needs a named task: give --task.")
    if output and output.suffix != ".csv":
        raise click.UsageError(f"--output {output.name}: only .csv is written.")
    predictor = Predictor.open(profiles=[read_profile(profile)] if profile else ())
    found = (entry for path in listed_paths(paths) for entry in inputs(path))
    rows = []
    for number, outcome in enumerate(predict_inputs(predictor, found, task, gate=not no_gate, explain=bool(heatmaps))):
        row = record(outcome.name, outcome.result)
        click.echo(json.dumps(row) if as_json else _line(row))
        if heatmaps:
            _write_overlays(heatmaps, f"{number:05d}", outcome.result)
        rows.append(row)
    if output:
        _write_table(output, rows)
    sys.exit(1 if any(row["status"] == "unreadable" for row in rows) else 0)


def _line(row: dict[str, Any]) -> str:
    if row["status"] != "answered":
        return f"{row['path']}: {row['status']}. {' '.join(problem['message'] for problem in row['problems'])}"
    told = ", ".join(f"{entry['label']} {entry['probability']:.2f} ({entry['presence']})" for entry in row["findings"])
    return f"{row['path']}: {told}"


def _write_overlays(folder: Path, stem: str, outcome: object) -> None:
    """Write one map per label, named by the number of the input: names of files stay out of paths."""
    from radiolens.explain.overlay import overlay, png
    from radiolens.prediction import Prediction

    if not isinstance(outcome, Prediction) or outcome.explanation is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    _, _, rows, columns = outcome.explanation.extent
    for label in outcome.explanation.maps:
        picture = overlay(outcome.explanation, label, (round(rows), round(columns)))
        (folder / f"{stem}-{label}.png").write_bytes(png(picture))


def _write_table(file: Path, rows: list[dict[str, Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "status", "task", "label", "probability", "threshold", "presence", "problems"])
        for row in rows:
            problems = " ".join(problem["code"] for problem in row["problems"])
            empty = {"label": "", "probability": "", "threshold": "", "presence": ""}
            for entry in row["findings"] or [empty]:
                values = [entry[key] for key in ("label", "probability", "threshold", "presence")]
                writer.writerow([row["path"], row["status"], row["task"] or "", *values, problems])
