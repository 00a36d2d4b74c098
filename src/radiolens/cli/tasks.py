"""`radiolens tasks`: what can be asked, and what is answered."""

from __future__ import annotations

import json

import click

from radiolens.tasks import TASKS

__all__ = ["command"]


@click.command("tasks")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(*, as_json: bool) -> None:
    """List the tasks with their labels; a label without a released network says why."""
    for task in TASKS:
        labels = [{"name": label.name, "released": label.released} for label in task.labels]
        if as_json:
            click.echo(json.dumps({"name": task.name, "title": task.title, "labels": labels}))
            continue
        click.echo(f"{task.name:12} {task.intended_use}")
        for label in task.labels:
            click.echo(f"{'':12}   {label.name}{'' if label.released else f' (not released: {label.why_unreleased})'}")
