"""A site's profile as a file: JSON, an object with the fields of `Profile`; and what to do if its bundle is gone."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from radiolens.bundle import InstalledBundle
from radiolens.errors import BundleError
from radiolens.inference.installed import SHOWN_DIGITS
from radiolens.profile import Profile

__all__ = ["check_answers", "extended", "not_installed", "read_profile", "write_profile"]


def read_profile(file: str | os.PathLike[str]) -> Profile:
    """Return the profile in `file`; raise BundleError if it is none.

    A threshold is a probability; one above 1 is never reached, one of 0 always.
    """
    try:
        return _profile(json.loads(Path(file).read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{file}: not a profile of thresholds ({error}). Plan the thresholds again.") from error


def write_profile(profile: Profile, file: str | os.PathLike[str]) -> None:
    """Write a profile in one step: what stood there before is replaced at once."""
    content = {entry.name: _plain(getattr(profile, entry.name)) for entry in fields(Profile)}
    unfinished = Path(f"{os.fspath(file)}.partial")
    unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(unfinished, file)


def extended(profile: Profile, added: Profile) -> Profile:
    """Return a profile with the labels of another one for the same bundle added; a label it has is replaced.

    Raises BundleError if the other one is for another bundle.
    """
    if profile.bundle_sha256 != added.bundle_sha256:
        raise BundleError(
            f"The profile to extend is for bundle {_named(profile)}, the new thresholds for {_named(added)}. "
            "Thresholds hold for one network only: plan those of every label anew, into a new profile."
        )
    kept = [
        line for line in profile.evidence.splitlines() if not any(line.startswith(f"{name}: ") for name in added.rules)
    ]
    return replace(
        added,
        thresholds={**profile.thresholds, **added.thresholds},
        rules={**profile.rules, **added.rules},
        evidence="\n".join([*kept, added.evidence]),
    )


def not_installed(profile: Profile, installed: Sequence[InstalledBundle]) -> BundleError:
    """Return the error that a profile's bundle is not among the installed ones, with the commands that help."""
    there = [entry for entry in installed if entry.bundle.name == profile.bundle_name]
    message = f"The profile of {profile.site!r} was made for bundle {_named(profile)}, which is not installed."
    if not there:
        known = ", ".join(map(_identity, installed)) or "none"
        return BundleError(
            f"{message} Plan the thresholds anew for the installed bundle (installed: {known}), see "
            "`radiolens thresholds --help`."
        )
    return BundleError(
        f"{message} Plan the thresholds anew for the installed {_identity(there[0])}: thresholds hold for one network "
        f"only. {_commands(profile, there[0])} Or install {profile.bundle_name} {profile.bundle_version} again."
    )


def check_answers(profile: Profile, answering: InstalledBundle) -> None:
    """Raise BundleError if the bundle that answers is not the profile's, though that is installed, too."""
    if answering.sha256 != profile.bundle_sha256:
        raise BundleError(
            f"The profile of {profile.site!r} was made for bundle {_named(profile)}, and what is asked is answered by "
            f"{_identity(answering)}: thresholds hold for one network only. Ask the profile's bundle, or leave the "
            "profile out."
        )


def _commands(profile: Profile, there: InstalledBundle) -> str:
    """Return as a sentence the commands that make the profile again."""
    bundle = there.bundle
    named = [] if bundle.name == bundle.task else ["--bundle", bundle.name]
    score = shlex.join(["radiolens", "predict", "IMAGES", "--task", bundle.task, *named, "--output", "scores.csv"])
    begin = ["radiolens", "thresholds", bundle.name, "scores.csv", "--outcomes", "OUTCOMES.csv"]
    plans: list[str] = []
    for label in profile.thresholds:
        # Quoted word by word, since a profile is a file that anybody may have written, and people copy commands.
        rule = profile.rules.get(label, "--sensitivity 0.9").split()
        extending = ["--extend", "PLAN/profile.json"] if plans else []
        end = ["--site", profile.site, "--output", "PLAN", *extending]
        plans.append(shlex.join([*begin, "--label", label, *rule, *end]))
    return f"Score your cases with it, then choose: {'; '.join([score, *plans])}."


def _named(profile: Profile) -> str:
    digits = profile.bundle_sha256[:SHOWN_DIGITS]
    return f"{profile.bundle_name} {profile.bundle_version} ({digits})" if profile.bundle_name else digits


def _identity(installed: InstalledBundle) -> str:
    return f"{installed.bundle.name} {installed.bundle.version} ({installed.sha256[:SHOWN_DIGITS]})"


def _profile(content: Any) -> Profile:  # noqa: ANN401  JSON
    known = {field.name: field.default is MISSING and field.default_factory is MISSING for field in fields(Profile)}
    needed = sorted(name for name, required in known.items() if required)
    if not isinstance(content, dict) or not set(needed) <= content.keys() <= known.keys():
        raise ValueError(f"expected an object with {', '.join(needed)}")
    thresholds, rules = content["thresholds"], content.get("rules", {})
    if not isinstance(thresholds, dict) or not all(map(_is_threshold, thresholds.values())):
        raise ValueError("thresholds must give each label a number from 0 on")
    if not isinstance(rules, dict):
        raise TypeError("rules must give each label a text")
    return Profile(
        site=str(content["site"]),
        bundle_sha256=str(content["bundle_sha256"]),
        thresholds={label: float(value) for label, value in thresholds.items()},
        evidence=str(content["evidence"]),
        bundle_name=str(content.get("bundle_name", "")),
        bundle_version=str(content.get("bundle_version", "")),
        rules={label: str(rule) for label, rule in rules.items()},
    )


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _is_threshold(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
