"""What of a decoded image may be kept when nothing shall tell whose it is: pixels, geometry, and words of a list.

Two steps lie before: the reader decodes pixels and gives out an allow-list of the header (`Source`), so no element of
the file, no comment, no thumbnail and no private block comes this far. Here that list is cut down once more. What
people type is no longer believed to be what its element is for: of text only words that stand in a list stay, as DICOM
PS3.15 table E.1-1 has it cleaned. UIDs, manufacturer, descriptions and the readers' remarks go.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import replace

from radiolens.image import Image, Source

__all__ = ["OLDEST_YEARS", "deidentified", "says_burnt_in", "says_recognizable"]

OLDEST_YEARS = 90
"""Ages from here on are kept as this one: few people are older (45 CFR 164.514 draws the line there)."""

_MODALITIES = frozenset({"CR", "DX", "RG", "CT", "MR", "OT", "SC", "XC", "PX"})
_VIEWS = frozenset({"PA", "AP", "LL", "RL", "LLD", "RLD", "LLO", "RLO", "LAT", "LATERAL", "OBLIQUE", "SUPINE", "ERECT"})
_VIEWS |= {"POSTERO", "ANTERO", "POSTERIOR", "ANTERIOR"}
_PARTS = frozenset({"CHEST", "THORAX", "LUNG", "LUNGS", "HEAD", "BRAIN", "SKULL", "NECK", "ABDOMEN", "PELVIS", "SPINE"})
_SEXES = frozenset({"F", "M", "O"})
_INTENTS = frozenset({"FOR", "PRESENTATION", "PROCESSING"})
_TYPES = frozenset({"ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "AXIAL", "LOCALIZER"})
_SEQUENCES = frozenset({"SE", "IR", "GR", "EP", "RM"})
_CONTRASTS = frozenset({"T1", "T2", "T2_STAR", "FLUID_ATTENUATED", "PROTON_DENSITY", "DIFFUSION", "PERFUSION"})
_CONTRASTS |= {"TOF", "FLOW_ENCODED"}
_ANSWERS = frozenset({"YES", "NO"})


def deidentified(image: Image) -> Image:
    """Return the same pixels with what of the header may be kept; every other fact has its default.

    The age is in whole years and at most OLDEST_YEARS. What is burnt into the pixels stays there.
    """
    told = image.source
    age = told.patient_age_years
    return replace(
        image,
        modality=_known(image.modality, _MODALITIES),
        view=_known(image.view, _VIEWS),
        source=Source(
            format=told.format,
            size=told.size,
            body_part_examined=_known(told.body_part_examined, _PARTS),
            patient_age_years=None if age is None else float(min(int(age), OLDEST_YEARS)),
            patient_sex=_known(told.patient_sex, _SEXES),
            presentation_intent_type=_known(told.presentation_intent_type, _INTENTS),
            burned_in_annotation=_known(told.burned_in_annotation, _ANSWERS),
            recognizable_visual_features=_known(told.recognizable_visual_features, _ANSWERS),
            image_type=_known(told.image_type, _TYPES),
            scanning_sequence=_known(told.scanning_sequence, _SEQUENCES),
            acquisition_contrast=_known(told.acquisition_contrast, _CONTRASTS),
            echo_time_ms=told.echo_time_ms,
            inversion_time_ms=told.inversion_time_ms,
            contrast_given=told.contrast_given,
            colour_fraction=told.colour_fraction,
        ),
    )


def says_burnt_in(source: Source) -> bool:
    """Say whether the file states that text is burnt into its pixels (BurnedInAnnotation, PS3.3 C.7.6.1)."""
    return _says_yes(source.burned_in_annotation)


def says_recognizable(source: Source) -> bool:
    """Say whether the file states that the patient could be recognised (RecognizableVisualFeatures, there as well)."""
    return _says_yes(source.recognizable_visual_features)


def _says_yes(text: str | None) -> bool:
    return (text or "").strip().upper() == "YES"


def _known(text: str | None, words: Set[str]) -> str | None:
    """Return the words of a text that are in the list, with a backslash between those of several values."""
    values = (
        " ".join(word for word in re.split(r"[^A-Z0-9_]+", value) if word in words)
        for value in (text or "").upper().split("\\")
    )
    return "\\".join(filter(None, values)) or None
