"""`radiolens doctor`: what could keep the app from working here, and what to do about it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from radiolens.cli.configuration import read_settings

__all__ = ["command"]

_MARKS = {"ok": "ok     ", "warning": "warning", "wrong": "WRONG  "}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print an object for each check.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Look at folder, disk, clock, database, audit log, keys, bundles and port; change nothing.

    Exit code 1 if something keeps the app from working.
    """
    from radiolens.doctor import State, Subject, examine

    settings = read_settings()
    subject = Subject(
        home=settings.home,
        database=settings.database_address,
        host=settings.host,
        port=settings.port,
        quota_bytes=settings.quota_bytes,
        store_key=settings.store_key_words,
    )
    wrong = False
    for check in examine(subject):
        wrong = wrong or check.state is State.WRONG
        if as_json:
            click.echo(json.dumps(asdict(check)))
        else:
            click.echo(f"{_MARKS[check.state]} {check.name:<10} {check.found} {check.advice}".rstrip())
    context.exit(1 if wrong else 0)
