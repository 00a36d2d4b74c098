"""`radiolens tasks`: what can be asked, and which bundles answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from radiolens.cli.configuration import read_settings
from radiolens.tasks import TASKS

if TYPE_CHECKING:
    from radiolens.inference.installed import Installed
    from radiolens.task import Task

__all__ = ["command"]


@click.command("tasks")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(*, as_json: bool) -> None:
    """List the tasks with their labels and bundles; a label without a released network says why.

    A bundle that cannot be used is told on standard error.
    """
    from radiolens.bundle import RELEASED
    from radiolens.inference.installed import find_installed

    installed = find_installed([RELEASED, read_settings().home / "bundles"])
    for task in TASKS:
        if as_json:
            click.echo(json.dumps(_row(task, installed)))
        else:
            _tell(task, installed)
    for entry in installed.unusable:
        click.echo(f"{entry.name} {entry.version} cannot be used. {entry.reason}", err=True)


def _row(task: Task, installed: Installed) -> dict[str, Any]:
    default = installed.default(task.name)
    bundles = [
        {
            "name": entry.bundle.name,
            "version": entry.bundle.version,
            "sha256": entry.sha256,
            "labels": list(entry.bundle.labels),
            "calibrated": entry.bundle.calibrated,
            "explanation": entry.bundle.explanation,
            "default": entry == default,
        }
        for entry in installed.of_task(task.name)
    ]
    labels = [
        {"name": label.name, "released": label.released, "youngest_age": label.youngest_age} for label in task.labels
    ]
    return {"name": task.name, "title": task.title, "labels": labels, "bundles": bundles}


def _tell(task: Task, installed: Installed) -> None:
    row = _row(task, installed)
    click.echo(f"{task.name:12} {task.intended_use}")
    for label in task.labels:
        age = f" (from {label.youngest_age} years on)" if label.youngest_age else ""
        why = "" if label.released else f" (not released: {label.why_unreleased})"
        click.echo(f"{'':12}   {label.name}{age}{why}")
    for entry in row["bundles"]:
        mark = "" if entry["calibrated"] else ", imported: not calibrated, not measured by radiolens"
        asked = "" if entry["default"] else f", asked for by --bundle {entry['name']}"
        click.echo(f"{'':12}   by {entry['name']} {entry['version']} ({', '.join(entry['labels'])}{mark}{asked})")
