"""Which kind of MR sequence a header tells, where it tells one: T1 after contrast is what tumour types were learnt on.

Words of the series description come first, since a radiographer chose them; then what an enhanced file states
(Acquisition Contrast, PS3.3 C.8.13.3.2); then the timing. Where none of them is clear, nothing is told.
"""

from __future__ import annotations

import re
from enum import StrEnum

from radiolens.image import Source

__all__ = ["MRSequence", "sequence_told"]


class MRSequence(StrEnum):
    """A kind of MR series, in the words of a message."""

    T1 = "T1-weighted"
    T1_PLAIN = "T1-weighted without contrast"
    T2 = "T2-weighted"
    FLAIR = "FLAIR"
    PROTON_DENSITY = "proton density-weighted"
    SUSCEPTIBILITY = "susceptibility- or T2*-weighted"
    DIFFUSION = "diffusion-weighted"
    PERFUSION = "a perfusion series"
    ANGIOGRAPHY = "an angiography"
    SPECTROSCOPY = "a spectroscopy"
    LOCALIZER = "a localizer"


_T1_WORDS = r"t1\w*|mp ?rage|mp2rage|bravo|f?spgr|tfl3d|vibe|ce ?t1"
_WORDS: tuple[tuple[MRSequence, str], ...] = (
    (MRSequence.LOCALIZER, r"loc|localizers?|localisers?|scout|survey|3 ?plane|3 ?pl"),
    (MRSequence.SPECTROSCOPY, r"svs|csi|press|spectro\w*|mrs"),
    (MRSequence.PERFUSION, r"perf\w*|dsc|dce|asl|pwi|pcasl|r?cb[vf]|mtt|ttp"),
    (MRSequence.DIFFUSION, r"dwi?|dti|adc|d?adc|diff\w*|trace\w*|ep2d diff\w*|tensor|b ?(?:500|800|1000)"),
    (MRSequence.ANGIOGRAPHY, r"tof|mra|mrv|angio\w*|pc ?3d|venography"),
    (MRSequence.SUSCEPTIBILITY, r"swi|swan|swip|venobold|hemo\w*|t2 ?star|t2\*\w*|gre t2\w*"),
    (MRSequence.FLAIR, r"flair\w*|tirm|dark ?fluid"),
    (MRSequence.T2, r"t2\w*"),
    (MRSequence.PROTON_DENSITY, r"pd\w{0,2}|proton\w*|dual ?echo"),
)
"""Words of a description, the most particular kinds first. T1 FLAIR is T1, and looked for before all of them."""

_PLAIN_WORDS = r"pre|precontrast|nativ\w*|plain|without|w ?o|non ?contrast|unenhanced|sans|ohne"

_ACQUISITION_CONTRAST = {
    "T1": MRSequence.T1,
    "T2": MRSequence.T2,
    "T2_STAR": MRSequence.SUSCEPTIBILITY,
    "FLUID_ATTENUATED": MRSequence.FLAIR,
    "PROTON_DENSITY": MRSequence.PROTON_DENSITY,
    "DIFFUSION": MRSequence.DIFFUSION,
    "PERFUSION": MRSequence.PERFUSION,
    "TOF": MRSequence.ANGIOGRAPHY,
    "FLOW_ENCODED": MRSequence.ANGIOGRAPHY,
}

_LONG_ECHO_MS = 60.0  # from here on a spin echo is T2-weighted; T1 takes 5 to 30 ms
_FLUID_INVERSION_MS = 1500.0  # with a long echo: fluid is nulled near 1700 (1.5 T) to 2800 ms


def sequence_told(source: Source) -> MRSequence | None:
    """Return the kind of sequence that a header tells; None if it tells none, or not clearly."""
    if "LOCALIZER" in (source.image_type or "").upper():
        return MRSequence.LOCALIZER
    return (
        _by_description(source.series_description or "", contrast=source.contrast_given)
        or _ACQUISITION_CONTRAST.get((source.acquisition_contrast or "").upper())
        or _by_timing(source)
    )


def _by_description(description: str, *, contrast: bool | None) -> MRSequence | None:
    words = " ".join(re.sub(r"[^a-z0-9*]+", " ", description.lower()).split())
    if _has(words, _T1_WORDS) and not _has(words, r"loc|localizers?|scout|survey"):
        plain = contrast is not True and _has(words, _PLAIN_WORDS) and not _has(words, r"post\w*")
        return MRSequence.T1_PLAIN if plain else MRSequence.T1
    return next((kind for kind, pattern in _WORDS if _has(words, pattern)), None)


def _has(words: str, pattern: str) -> bool:
    return re.search(rf"(?:^|(?<= ))(?:{pattern})(?= |$)", words) is not None


def _by_timing(source: Source) -> MRSequence | None:
    """Return what a long echo time tells; a short one is T1, proton density or gradient echo, which it cannot tell."""
    if "EP" in (source.scanning_sequence or "").upper().split("\\"):
        return None  # diffusion, perfusion and function alike are echo planar
    if (source.echo_time_ms or 0.0) < _LONG_ECHO_MS:
        return None
    return MRSequence.FLAIR if (source.inversion_time_ms or 0.0) >= _FLUID_INVERSION_MS else MRSequence.T2
