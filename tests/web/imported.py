"""A site's folder with the three networks of the first design, as their import makes bundles of them."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_bundle import make_imported

FIRST_DESIGN = {"1": "braintumor", "2": "Tuberculosis_model", "3": "pneumonia_model"}
UPLOAD_BUNDLES = ",".join(f"{choice}={name}" for choice, name in FIRST_DESIGN.items())


def fill_home(home: Path) -> Path:
    """Write the three bundles, of the shapes of the first design, to `home`/bundles and return `home`."""
    bundles = home / "bundles"
    limits = ("Only pneumonia and tuberculosis are looked for; every other disease is missed.", "Trained elsewhere.")
    make_imported(bundles, "braintumor", shape=(224, 224, 3))
    make_imported(bundles, "Tuberculosis_model", "chest-xray", ["tuberculosis"], (64, 64, 3), 1, limits=limits)
    make_imported(bundles, "pneumonia_model", "chest-xray", ["pneumonia"], (150, 150, 1), 2, limits=limits)
    return home
