"""The contract's JSON object of one input (docs/contracts.md): the same on the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from radiolens.errors import InputError, RejectedImage, UnreadableImage, UnsupportedImage
from radiolens.prediction import BundleIdentity, Finding, Prediction, Presence, SliceFindings
from radiolens.quality import Problem, ProblemCode, Quality

__all__ = ["KEYS", "prediction_from_record", "record"]

KEYS = ("path", "status", "task", "problems", "findings", "prediction_set", "slices", "bundle", "seconds")
"""The keys of every object, in this order."""


def record(path: str, outcome: Prediction | InputError, seconds: float | None = None) -> dict[str, Any]:
    """Return the object for what was answered, refused or could not be read; every key is always there."""
    if isinstance(outcome, InputError):
        status = "refused" if isinstance(outcome, RejectedImage | UnsupportedImage) else "unreadable"
        return record(path, Prediction(None, None, quality=_quality(outcome)), seconds or 0.0) | {"status": status}
    return {
        "path": path,
        "status": "answered" if outcome.answered else "refused",
        "task": outcome.task,
        "problems": [{"code": problem.code.value, "message": problem.message} for problem in outcome.quality.problems],
        "findings": _findings(outcome.findings),
        "prediction_set": list(outcome.prediction_set),
        "slices": [{"index": entry.index, "findings": _findings(entry.findings)} for entry in outcome.slices],
        "bundle": _bundle(outcome.bundle) if outcome.bundle else None,
        "seconds": round(outcome.seconds if seconds is None else seconds, 4),
    }


def prediction_from_record(content: Mapping[str, Any]) -> Prediction:
    """Return the prediction that an object of an answered or refused input tells."""
    problems = tuple(Problem(ProblemCode(entry["code"]), entry["message"]) for entry in content["problems"])
    return Prediction(
        task=content["task"],
        bundle=BundleIdentity(**content["bundle"]) if content["bundle"] else None,
        findings=_read_findings(content["findings"]),
        prediction_set=tuple(content["prediction_set"]),
        slices=tuple(SliceFindings(entry["index"], _read_findings(entry["findings"])) for entry in content["slices"]),
        quality=Quality(problems),
        seconds=content["seconds"],
    )


def _bundle(identity: BundleIdentity) -> dict[str, Any]:
    """Return the three keys of the contract; only of a network that is not calibrated it says so by a fourth."""
    told = asdict(identity)
    if identity.calibrated:
        del told["calibrated"]
    return told


def _findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [asdict(finding) | {"presence": finding.presence.value} for finding in findings]


def _read_findings(content: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(**{**entry, "presence": Presence(entry["presence"])}) for entry in content)


def _quality(error: InputError) -> Quality:
    if isinstance(error, RejectedImage):
        return error.quality
    code = error.code if isinstance(error, UnreadableImage | UnsupportedImage) else ProblemCode.UNREADABLE
    return Quality((Problem(code, str(error)),))
