"""The same network with thresholds chosen anew, by today's rule, on the answers that its bundle keeps."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from radiolens.bundle import NETWORK_FILES, SITE_BYTES, InstalledBundle, read_bundle, write_bundle
from radiolens.errors import BundleError
from radiolens.evaluation.threshold_choice import RULE, thresholds_of
from radiolens.inference.engine import Engine
from radiolens.training.bundle_name import check_name
from radiolens.training.new_folder import appearing, check_new

__all__ = ["rethreshold"]


def rethreshold(source: Path, folder: Path, version: str) -> InstalledBundle:
    """Write a bundle with the network, calibration and prediction sets of another one, and thresholds of its own.

    They are chosen as an export chooses them, on the calibration cases whose scores the prediction sets keep, so that
    no image is needed. Evidence is not taken over, since its decisions are those of other thresholds. `folder` appears
    once all is done. Raises BundleError if it is there already, the version is none or that of the source, or there is
    nothing to choose: the bundle has no prediction sets, its labels exclude one another, or its thresholds are such
    already.
    """
    check_new(folder)
    engine = Engine.open(source)
    bundle, sets = engine.installed.bundle, engine.sets
    check_name(bundle.name, version, bundle.name)
    if version == bundle.version:
        raise BundleError(f"{source} is version {version} already. Give another one, by which both are told apart.")
    if sets is None or bundle.exclusive:
        lacking = "its labels exclude one another" if bundle.exclusive else "it keeps no scores of calibration cases"
        raise BundleError(f"{source}: no threshold can be chosen, since {lacking}. It answers as it is.")
    chosen = thresholds_of(sets)
    if chosen == bundle.thresholds:
        raise BundleError(f"{source}: its thresholds are what today's rule chooses. It needs no other version.")
    sentence, _, counts = bundle.threshold_evidence.partition(". ")
    told = sentence if RULE in sentence else f"{sentence}, {RULE}"
    origin = {"version": bundle.version, "sha256": engine.installed.sha256}
    new = replace(
        bundle,
        version=version,
        thresholds=chosen,
        threshold_evidence=f"{told}. {counts}" if counts else told,
        provenance={**bundle.provenance, "thresholds_chosen_anew_of": origin},
    )
    with appearing(folder) as partial:
        for name in NETWORK_FILES:
            shutil.copyfile(source / name, partial / name)
        write_bundle(new, partial, SITE_BYTES)  # it is no larger than what was opened
        Engine.open(partial)  # as serving will
    return read_bundle(folder)
