"""What a clinician reads of one answer: the prediction in words and pictures. Nothing is decided here."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from radiolens.bundle import OCCLUSION_MAP, Bundle
from radiolens.errors import InputError
from radiolens.explain.overlay import display_slice, overlay, png
from radiolens.image import Image
from radiolens.inference.predict import Predictor
from radiolens.inference.record import record
from radiolens.locale.translate import N_, ngettext
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import number, percent
from radiolens.prediction import BundleIdentity, Finding, Prediction, Presence
from radiolens.quality import ProblemCode
from radiolens.web.answers import Answer
from radiolens.web.map_evidence import map_evidence
from radiolens.web.studies import IMPORTED, Study
from radiolens.web.wording import ProblemRow, Reading, headline, problem_row, refused_headline, set_note, words

__all__ = ["Card", "FindingRow", "HeatMap", "make_card"]


@dataclass(frozen=True)
class FindingRow:
    """One finding as shown: `number` is the text of the probability or score, the others are 0 to 100 for the bar.

    `state` is that of its bar: present only for what the clinician should look at. `number` is empty, and there is no
    bar, where the finding is not meant for the patient; `threshold_percent` is None where no threshold decided.
    """

    title: str
    number: str
    words: str
    state: str
    bar_percent: float
    threshold_percent: float | None


@dataclass(frozen=True)
class HeatMap:
    """The map of one finding as a picture that lies over the image; `empty` if it shows nothing."""

    title: str
    picture: str
    empty: bool


@dataclass(frozen=True)
class Card:
    """One result as shown. `token` tells its elements from those of other cards on the page; `files` are a series's.

    `occlusion` says that the heat maps are occlusion maps, `map_evidence` what was measured of such maps. `set_note` is
    what prediction sets promise, `data` what the model learnt from, by source.
    """

    token: str
    name: str
    study: str
    files: int
    headline: str
    state: str
    problems: tuple[ProblemRow, ...] = ()
    rows: tuple[FindingRow, ...] = ()
    picture: str = ""
    heat_maps: tuple[HeatMap, ...] = ()
    occlusion: bool = False
    map_evidence: str = ""
    slice_note: str = ""
    thresholds: str = ""
    set_note: str = ""
    model: BundleIdentity | None = None
    limits: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0


def make_card(answer: Answer, study: Study, predictor: Predictor) -> Card:
    """Return what is shown of an answer to a study."""
    result, image = answer.result, answer.image
    begun = partial(Card, secrets.token_hex(4), answer.name, _study_title(answer, study), answer.files)
    if isinstance(result, InputError) or image is None:
        return begun(_("This file could not be read"), "unreadable", _problems(answer))
    study = study.on(result.task)
    if not result.answered:
        return _refused(begun, answer, image)
    bundle = predictor.bundle(study.task_name, study.bundle)
    study = study.answered_by(bundle)
    reading = Reading.of(study, result, bundle.coverage, image.source.patient_age_years)
    shown = reading.shown
    if not shown:
        return begun(_("Not analysed: nothing installed answers this study"), "refused", (_no_network(bundle),))
    position = result.explanation.slice_index if result.explanation else image.slice_indices[0]
    return begun(
        headline(reading) if bundle.calibrated else f"{headline(reading)} ({_(IMPORTED)})",
        _state(study, shown),
        rows=tuple(_row(reading, entry, bundle) for entry in shown),
        picture=_picture(image, position),
        heat_maps=_heat_maps(study, result, [entry for entry in shown if entry.label not in reading.too_young], image),
        occlusion=bundle.explanation == OCCLUSION_MAP,
        map_evidence=map_evidence(predictor.engine(study.task_name, bundle.name).installed),
        slice_note=_slice_note(study, result, image, position, calibrated=bundle.calibrated),
        thresholds=_thresholds(bundle, shown) if reading.by_threshold else "",
        set_note=set_note(bundle.coverage),
        model=result.bundle,
        limits=study.concerning(bundle.limits, image),
        data=_data(bundle),
        remarks=image.source.warnings,
        seconds=answer.seconds,
    )


def _study_title(answer: Answer, study: Study) -> str:
    """Return the study, and of one that the image chose which task it chose."""
    task = answer.result.task if isinstance(answer.result, Prediction) else None
    chosen = study.on(task)
    if chosen == study:
        return study.shown_title
    return _("%(study)s, chosen by the image", study=_(chosen.task.title))


def _no_network(bundle: Bundle) -> ProblemRow:
    told = N_("%(name)s %(version)s, which is installed for this study, answers %(labels)s.")
    found = _(told, name=bundle.name, version=bundle.version, labels=", ".join(bundle.labels))
    return ProblemRow(_("No network for it"), found, _("Choose another study."), ProblemCode.UNRELEASED_FINDING)


def _refused(begun: Callable[..., Card], answer: Answer, image: Image) -> Card:
    position = image.slice_indices[len(image.slice_indices) // 2]
    problems = _problems(answer)
    return begun(
        refused_headline([entry.code for entry in problems]),
        "refused",
        problems,
        picture=_picture(image, position),
        slice_note=f"{_place(image, position)}." if image.is_volume else "",
    )


def _problems(answer: Answer) -> tuple[ProblemRow, ...]:
    told = record(answer.name, answer.result)["problems"]
    return tuple(problem_row(entry["code"], entry["message"]) for entry in told)


def _state(study: Study, shown: Sequence[Finding]) -> str:
    if any(_is_alarm(study, entry) for entry in shown):
        return "present"
    undecided = any(entry.presence is Presence.INDETERMINATE for entry in shown)
    return "indeterminate" if undecided else "absent"


def _is_alarm(study: Study, finding: Finding) -> bool:
    return finding.presence is Presence.PRESENT and not study.named(finding).normal


def _row(reading: Reading, finding: Finding, bundle: Bundle) -> FindingRow:
    number, threshold = (_percents if bundle.calibrated else _scores)(finding.probability, finding.threshold)
    meant = finding.label not in reading.too_young
    return FindingRow(
        title=_(reading.study.named(finding).title),
        number=number if meant else "",
        words=words(reading, finding, threshold),
        state=_state(reading.study, [finding]),
        bar_percent=round(100 * finding.probability, 1),
        threshold_percent=round(100 * finding.threshold, 1) if reading.by_threshold else None,
    )


def _scores(score: float, threshold: float) -> tuple[str, str]:
    """Return both from 0 to 1, so that the score is not read as a percentage; with digits as `_percents`."""
    digits = next((n for n in (2, 3, 4, 5) if f"{score:.{n}f}" != f"{threshold:.{n}f}"), 2)
    return _("score %(score)s", score=number(score, digits)), number(threshold, digits)


def _percents(probability: float, threshold: float) -> tuple[str, str]:
    """Return both as percentages; with more digits where one would show two different numbers as the same."""
    digits = next((n for n in (1, 2, 3) if f"{probability:.{n + 2}f}" != f"{threshold:.{n + 2}f}"), 1)
    shown = percent(probability, digits)
    if probability < 0.0005:
        shown = _("below %(percent)s", percent=percent(0.001, 1))
    if probability > 0.9995:
        shown = _("above %(percent)s", percent=percent(0.999, 1))
    return shown, percent(threshold, digits)


def _heat_maps(study: Study, prediction: Prediction, meant: Sequence[Finding], image: Image) -> tuple[HeatMap, ...]:
    explanation = prediction.explanation
    if explanation is None:
        return ()
    shape = (image.pixels.shape[1], image.pixels.shape[2])
    abnormal = [entry.label for entry in meant if not study.named(entry).normal]
    return tuple(
        HeatMap(
            _(study.task.label(label).title),
            _data_url(png(overlay(explanation, label, shape))),
            empty=not explanation.maps[label].any(),
        )
        for label in abnormal
    )


def _place(image: Image, position: int) -> str:
    return _("Slice %(number)s of %(count)s", number=position + 1, count=image.slice_count)


def _slice_note(study: Study, prediction: Prediction, image: Image, position: int, *, calibrated: bool) -> str:
    if not image.is_volume:
        return ""
    read, place = len(image.slice_indices), _place(image, position)
    if read == 1:
        return _("%(slice)s. The answer is of this slice alone; the others were not looked at.", slice=place)
    leading = max(prediction.findings, key=lambda finding: finding.probability)
    highest = N_("%(slice)s, the one with the highest probability of %(finding)s.")
    if not calibrated:
        highest = N_("%(slice)s, the one with the highest score of %(finding)s.")
    mean = ngettext(
        "The answer is the mean over %(count)s slice of the middle of the scan; the others were not looked at.",
        "The answer is the mean over %(count)s slices of the middle of the scan; the others were not looked at.",
        read,
        count=read,
    )
    leading_title = _(study.named(leading).title).lower()
    return " ".join([_(highest, slice=place, finding=leading_title), mean, *_alone(study, prediction)])


def _alone(study: Study, prediction: Prediction) -> Iterator[str]:
    """Say in how many slices of a volume a finding is present by itself, since the mean hides what is in a few."""
    findings = (entry for slice_ in prediction.slices for entry in slice_.findings)
    present = Counter(entry.label for entry in findings if entry.presence is Presence.PRESENT)
    for label in study.task.labels:
        if present[label.name] and not label.normal and study.label in ("", label.name):
            yield ngettext(
                "%(count)s of them is by itself called %(finding)s.",
                "%(count)s of them are by themselves called %(finding)s.",
                present[label.name],
                count=present[label.name],
                finding=_(label.title).lower(),
            )


def _thresholds(bundle: Bundle, shown: Sequence[Finding]) -> str:
    """Say whose the thresholds are."""
    if any(entry.threshold != bundle.thresholds[entry.label] for entry in shown):
        return _("The thresholds were set by this site.")
    basis = bundle.threshold_evidence.split(". ")[0]  # behind it stand numbers of images
    return _("The thresholds are those of the model (basis: %(basis)s); your site has set none.", basis=basis)


def _data(bundle: Bundle) -> tuple[str, ...]:
    """Say on how many images of which source the network was trained; empty where the bundle does not tell."""
    provenance: Mapping[str, Any] = bundle.provenance
    counts: Mapping[str, Mapping[str, int]] = provenance.get("cases", {})
    trained = ((source, told["train"]) for source, told in sorted(counts.items()) if told.get("train"))
    return tuple(
        ngettext("%(source)s: %(count)s image", "%(source)s: %(count)s images", n, source=source, count=number(n))
        for source, n in trained
    )


def _picture(image: Image, slice_index: int) -> str:
    return _data_url(png(display_slice(image, slice_index)))


def _data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
