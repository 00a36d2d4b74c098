"""An audit as JSON, with the keys of docs/data.md, and the proposed groups as a table."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from radiolens.data.audit.report import AuditReport

__all__ = ["FORMAT", "as_json", "write_groups"]

FORMAT = 1
"""Raised when a key changes its meaning or goes."""


def as_json(report: AuditReport) -> dict[str, Any]:
    """Return the report with the keys of its fields; a number that is not defined is None."""
    return {"format": FORMAT, "clean": report.clean, **_plain(report)}


def write_groups(report: AuditReport, file: Path) -> None:
    """Write a CSV of path and duplicate_group, a row for each image with a copy; a group may reach across sources."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("path", "duplicate_group"))
        writer.writerows((path, group.name) for group in report.groups for path in group.paths)


def _plain(value: Any) -> Any:  # noqa: ANN401  any field of the report
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else str(value)
