"""What a clinician reads is what was decided, in plain words."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from radiolens.errors import UnreadableImage
from radiolens.explain.overlay import overlay
from radiolens.image import Image, Source, Unit
from radiolens.inference.predict import Predictor
from radiolens.prediction import BundleIdentity, Explanation, Finding, Prediction, Presence, SliceFindings, decide
from radiolens.profile import Profile
from radiolens.quality import ADVICE, Problem, ProblemCode, Quality
from radiolens.report.content import Passage
from radiolens.safety.gate import Gate
from radiolens.tasks import TASKS
from radiolens.web.answers import Answer
from radiolens.web.cards import make_card
from radiolens.web.studies import STUDIES, Study, find_study
from radiolens.worklist.facts import facts_of
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle

FILM = Image(chest_film()[None], Unit.UNIT_INTERVAL, Source("png", warnings=("The palette was turned grey.",)))


SITE = {"pneumonia": 0.158, "tuberculosis": 0.6}
"""Thresholds of a site."""


@cache
def bundles() -> Predictor:
    """Return networks without prediction sets, of the limits that a release has."""
    with tempfile.TemporaryDirectory() as folder:
        for task in TASKS:
            make_bundle(Path(folder), task.name, limits=task.limit_texts(task.label_names))
        predictor = Predictor.open([Path(folder)], gate=Gate.HEADER)
        predictor.shelf.open_all()
        return predictor


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return bundles()


def study(key: str) -> Study:
    found = find_study(key)
    assert found
    return found


def answer(
    task: str,
    probabilities: Mapping[str, float],
    presences: Mapping[str, Presence] | None = None,
    image: Image = FILM,
    thresholds: Mapping[str, float] | None = None,
) -> Answer:
    """Return an answer with these probabilities, decided by the thresholds or as told."""
    bundle = bundles().bundle(task)
    findings = decide(probabilities, {**bundle.thresholds, **(thresholds or {})}, exclusive=bundle.exclusive)
    told = presences or {}
    shape = (7, 7)
    maps = {label: np.full(shape, 3 * value, np.float32) for label, value in probabilities.items()}
    prediction = Prediction(
        task,
        BundleIdentity(task, "0.1.0", "ab" * 32),
        tuple(replace(entry, presence=told.get(entry.label, entry.presence)) for entry in findings),
        explanation=Explanation("class-activation-map", maps, (0.0, 0.0, 240.0, 200.0), image.slice_indices[-1]),
    )
    return Answer("film.png", prediction, image, seconds=0.25)


def chest(pneumonia: float, tuberculosis: float, undecided: str = "") -> Answer:
    values = {"pneumonia": pneumonia, "tuberculosis": tuberculosis}
    return answer("chest-xray", values, {undecided: Presence.INDETERMINATE})


def brain(glioma: float, meningioma: float, pituitary: float, no_tumour: float) -> Answer:
    values = {"glioma": glioma, "meningioma": meningioma, "pituitary": pituitary, "no_tumour": no_tumour}
    return answer("brain-mri", values)


@pytest.mark.parametrize(
    ("given", "key", "headline", "state"),
    [
        (chest(0.9, 0.9), "chest", "Pneumonia and tuberculosis suspected", "present"),
        (chest(0.9, 0.01), "chest", "Pneumonia suspected", "present"),
        (chest(0.01, 0.01), "chest", "No pneumonia or tuberculosis found", "absent"),
        (chest(0.9, 0.01), "tuberculosis", "No tuberculosis found", "absent"),
        (chest(0.01, 0.9), "pneumonia", "No pneumonia found", "absent"),
        (chest(0.01, 0.9), "tuberculosis", "Tuberculosis suspected", "present"),
        (
            chest(0.1, 0.01, undecided="pneumonia"),
            "chest",
            "Undecided (pneumonia): have the image read by a radiologist",
            "indeterminate",
        ),
        (
            chest(0.1, 0.9, undecided="pneumonia"),
            "chest",
            "Tuberculosis suspected; undecided: pneumonia",
            "present",
        ),
        (brain(0.9, 0.05, 0.05, 0.0), "brain", "Glioma suspected", "present"),
        (brain(0.05, 0.03, 0.02, 0.9), "brain", "No glioma, meningioma or pituitary tumour found", "absent"),
        (
            brain(0.4, 0.3, 0.2, 0.1),
            "brain",
            "Undecided (glioma): have the image read by a radiologist",
            "indeterminate",
        ),
        (
            brain(0.3, 0.2, 0.1, 0.4),
            "brain",
            "Undecided (no tumour): have the image read by a radiologist",
            "indeterminate",
        ),
    ],
)
def test_the_headline_is_the_decision_in_words(
    predictor: Predictor, given: Answer, key: str, headline: str, state: str
) -> None:
    card = make_card(given, study(key), predictor)
    assert (card.headline, card.state) == (headline, state)


def test_a_row_says_probability_decision_and_threshold(predictor: Predictor) -> None:
    site = answer("chest-xray", {"pneumonia": 0.284, "tuberculosis": 0.001}, thresholds=SITE)
    first, second = make_card(site, study("chest"), predictor).rows
    assert (first.title, first.number, first.state) == ("Pneumonia", "28.4 %", "present")
    assert first.words == "suspected (threshold 15.8 %)"
    assert (first.bar_percent, first.threshold_percent) == (28.4, 15.8)
    assert (second.number, second.words) == ("0.1 %", "not found (threshold 60.0 %)")


def test_of_exclusive_answers_the_most_likely_one_is_said_and_no_tumour_is_no_alarm(predictor: Predictor) -> None:
    rows = make_card(brain(0.1, 0.05, 0.05, 0.8), study("brain"), predictor).rows
    assert [row.words for row in rows] == ["less likely"] * 3 + ["most likely (threshold 50.0 %)"]
    assert {row.state for row in rows} == {"absent"}
    undecided = make_card(brain(0.4, 0.3, 0.2, 0.1), study("brain"), predictor).rows[0]
    assert undecided.words == "undecided (threshold 50.0 %)"


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.00001, "below 0.1 %"), (0.99999, "above 99.9 %"), (0.5, "50.0 %"), (0.1579, "15.79 %"), (0.158, "15.8 %")],
)
def test_no_percentage_claims_certainty_or_hides_the_side_of_the_threshold(
    predictor: Predictor, probability: float, text: str
) -> None:
    site = answer("chest-xray", {"pneumonia": probability, "tuberculosis": 0.5}, thresholds=SITE)
    assert make_card(site, study("pneumonia"), predictor).rows[0].number == text


@pytest.mark.parametrize("entry", [entry for entry in STUDIES if entry.label], ids=lambda entry: entry.key)
def test_a_study_of_one_finding_says_nothing_of_the_others(predictor: Predictor, entry: Study) -> None:
    card = make_card(chest(0.9, 0.9), entry, predictor)
    (other,) = {label.title.lower() for label in entry.task.labels if label.name != entry.label}
    assert [row.title.lower() for row in card.rows] == [entry.label]
    assert len(card.heat_maps) == 1
    assert other not in str(replace(card, picture="", heat_maps=(), limits=())).lower()
    told = [limit.text for limit in card.limits]
    assert told[0] == f"Only {entry.label} is looked for; every other disease is missed."
    assert all(entry.label in text.lower() for text in told if other in text.lower())
    assert len(card.limits) > 2


def test_a_whole_study_has_the_limits_of_the_bundle_that_answered(predictor: Predictor, tmp_path: Path) -> None:
    site = Predictor.open([make_bundle(tmp_path).parents[1]])
    scope = "Only pneumonia and tuberculosis are looked for; every other disease is missed."
    for made in (predictor, site):
        shown = make_card(chest(0.9, 0.9), study("chest"), made).limits
        told = [text for text in made.bundle("chest-xray").limits if text != scope]
        assert shown == tuple(map(Passage, (scope, *told)))


@pytest.mark.parametrize(("age", "shown"), [(None, True), (4.0, True), (40.0, False)])
def test_a_limit_is_shown_to_the_patients_it_is_of(predictor: Predictor, age: float | None, *, shown: bool) -> None:
    task = study("chest").task
    (limit,) = [entry for entry in task.limits if entry.to_age == 15]
    patient = replace(FILM, source=replace(FILM.source, patient_age_years=age))
    told, of_other = (
        study(key).concerning(task.limit_texts(task.label_names), facts_of(patient)) for key in ("chest", "pneumonia")
    )
    assert (Passage(limit.text) in told) is shown
    assert Passage(limit.text) not in of_other


def test_a_volume_and_a_slice_have_limits_of_their_own() -> None:
    task = study("head-ct").task
    volume = Image(chest_film()[None], Unit.HOUNSFIELD, Source("dicom"), slice_indices=(2,), slice_count=9)
    of_volume, of_slice = (
        study("head-ct").concerning(task.limit_texts(["haemorrhage"]), facts_of(i)) for i in (volume, FILM)
    )
    assert [limit for limit in of_volume if "not validated" in limit.text]
    assert [limit for limit in of_slice if "This slice alone" in limit.text]
    assert not [limit for limit in of_slice if "not validated" in limit.text]


def test_whose_the_thresholds_are_is_said(predictor: Predictor) -> None:
    evidence = predictor.bundle("chest-xray").threshold_evidence.split(". ")[0]
    own = make_card(chest(0.9, 0.9), study("chest"), predictor).thresholds
    assert f"those of the model (basis: {evidence})" in own
    probabilities = {"pneumonia": 0.5, "tuberculosis": 0.5}
    site = answer("chest-xray", probabilities, thresholds=SITE)
    assert make_card(site, study("chest"), predictor).thresholds == "The thresholds were set by this site."


def test_a_site_that_chose_the_models_number_has_set_it(predictor: Predictor) -> None:
    bundle, sha256 = predictor.bundle("chest-xray"), predictor.engine("chest-xray").installed.sha256
    given, own = chest(0.9, 0.9), bundle.thresholds["tuberculosis"]
    profile = Profile("Clinic A", sha256, {"tuberculosis": own}, "")
    of_another = replace(profile, bundle_sha256="0" * 64)

    def whose(key: str, *profiles: Profile) -> str:
        return make_card(given, study(key), predictor, profiles).thresholds

    assert whose("chest", profile) == whose("tuberculosis", profile) == "The thresholds were set by this site."
    assert "your site has set none" in whose("chest", of_another)
    evidence = bundle.threshold_evidence.split(". ")[0]
    # Of the finding that is shown it has set none, and when this answer was given it had set none yet.
    for told in (
        whose("pneumonia", profile),
        whose("tuberculosis", replace(profile, thresholds={"tuberculosis": own / 2})),
    ):
        assert told == f"The thresholds are those of the model (basis: {evidence})."


def test_the_model_is_named_by_version_and_hash(predictor: Predictor) -> None:
    card = make_card(chest(0.9, 0.9), study("chest"), predictor)
    assert card.model == BundleIdentity("chest-xray", "0.1.0", "ab" * 32)
    assert (card.seconds, card.study, card.remarks) == (0.25, "Whole chest", (Passage("The palette was turned grey."),))


def decoded(address: str) -> np.ndarray:
    content = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return np.asarray(PIL.Image.open(io.BytesIO(content)))


def test_the_pictures_are_the_image_and_the_maps_of_what_is_abnormal(predictor: Predictor) -> None:
    given = brain(0.6, 0.3, 0.0, 0.1)
    card = make_card(given, study("brain"), predictor)
    assert np.array_equal(decoded(card.picture), np.rint(FILM.pixels[0] * 255))
    assert [heat_map.title for heat_map in card.heat_maps] == ["Glioma", "Meningioma", "Pituitary tumour"]
    assert isinstance(given.result, Prediction)
    assert given.result.explanation
    expected = overlay(given.result.explanation, "glioma", (240, 200))
    assert np.array_equal(decoded(card.heat_maps[0].picture), expected)


def test_a_map_that_shows_nothing_is_called_empty(predictor: Predictor) -> None:
    card = make_card(chest(0.9, 0.0), study("chest"), predictor)
    assert [heat_map.empty for heat_map in card.heat_maps] == [False, True]


@pytest.mark.parametrize(
    ("indices", "words"),
    [
        ((3, 5), ("Slice 6 of 9, the one with the highest probability of glioma.", "the mean over 2 slices")),
        ((4,), ("Slice 5 of 9.", "The answer is of this slice alone")),
    ],
)
def test_a_volume_says_which_slice_is_shown_and_what_was_looked_at(
    predictor: Predictor, indices: tuple[int, ...], words: tuple[str, str]
) -> None:
    pixels = chest_film()[None].repeat(len(indices), axis=0)
    volume = Image(pixels, Unit.ARBITRARY, Source("nifti"), slice_indices=indices, slice_count=9)
    values = {"glioma": 0.9, "meningioma": 0.05, "pituitary": 0.03, "no_tumour": 0.02}
    note = make_card(answer("brain-mri", values, image=volume), study("brain"), predictor).slice_note
    assert all(text in note for text in words)
    assert "the others were not looked at" in note


def test_a_volume_says_in_how_many_slices_a_finding_is_present_since_the_mean_hides_it(predictor: Predictor) -> None:
    volume = Image(
        chest_film()[None].repeat(3, axis=0), Unit.ARBITRARY, Source("nifti"), slice_indices=(3, 4, 5), slice_count=9
    )
    given = answer("brain-mri", {"glioma": 0.4, "meningioma": 0.3, "pituitary": 0.2, "no_tumour": 0.1}, image=volume)
    assert isinstance(given.result, Prediction)
    found = [
        Finding("glioma", 0.9, 0.5, presence) for presence in (Presence.PRESENT, Presence.PRESENT, Presence.ABSENT)
    ]
    slices = tuple(SliceFindings(index, (entry,)) for index, entry in zip((3, 4, 5), found, strict=True))
    card = make_card(replace(given, result=replace(given.result, slices=slices)), study("brain"), predictor)
    assert card.slice_note.endswith("2 of them are by themselves called glioma.")
    one = make_card(replace(given, result=replace(given.result, slices=slices[1:])), study("brain"), predictor)
    assert one.slice_note.endswith("1 of them is by itself called glioma.")


def test_a_finding_that_is_not_meant_for_a_child_has_neither_number_nor_bar_nor_map(predictor: Predictor) -> None:
    child = replace(FILM, source=replace(FILM.source, patient_age_years=4.0))
    given = answer(
        "chest-xray",
        {"pneumonia": 0.9, "tuberculosis": 0.9},
        {"tuberculosis": Presence.INDETERMINATE},
        image=child,
    )
    card = make_card(given, study("chest"), predictor)
    assert [bool(row.number) for row in card.rows] == [True, False]
    assert [heat_map.title for heat_map in card.heat_maps] == ["Pneumonia"]
    assert card.headline == "Pneumonia suspected; undecided: tuberculosis, not meant for this age"


def test_a_film_has_no_slice(predictor: Predictor) -> None:
    assert make_card(chest(0.9, 0.9), study("chest"), predictor).slice_note == ""


def test_what_cannot_be_read_says_why_and_what_to_do(predictor: Predictor) -> None:
    card = make_card(Answer("a.png", UnreadableImage("It is damaged. Send it again.")), study("chest"), predictor)
    assert (card.headline, card.state) == ("This file could not be read", "unreadable")
    assert [(entry.code, entry.found) for entry in card.problems] == [("unreadable", "It is damaged. Send it again.")]
    assert (card.rows, card.picture, card.model) == ((), "", None)


def test_what_is_refused_says_every_reason_and_shows_the_image(predictor: Predictor) -> None:
    problems = tuple(Problem.found(code, "It is so.") for code in (ProblemCode.WRONG_VIEW, ProblemCode.TOO_SMALL))
    volume = Image(chest_film()[None], Unit.ARBITRARY, Source("nifti"), slice_indices=(2,), slice_count=9)
    for image, note in ((FILM, ""), (volume, "Slice 3 of 9.")):
        refused = Prediction("chest-xray", None, quality=Quality(problems))
        card = make_card(Answer("a.png", refused, image), study("chest"), predictor)
        assert card.state == "refused"
        assert card.headline == "Not analysed: not a frontal view, too few pixels"
        assert [entry.code for entry in card.problems] == [problem.code for problem in problems]
        assert {entry.found for entry in card.problems} == {"It is so."}
        assert card.problems[0].advice == ADVICE[ProblemCode.WRONG_VIEW]
        assert decoded(card.picture).shape == (240, 200)
        assert (card.rows, card.heat_maps, card.slice_note) == ((), (), note)


def test_a_prediction_without_explanation_has_no_maps(predictor: Predictor) -> None:
    given = chest(0.9, 0.1)
    assert isinstance(given.result, Prediction)
    card = make_card(replace(given, result=replace(given.result, explanation=None)), study("chest"), predictor)
    assert card.heat_maps == ()
    assert card.picture


def test_two_cards_never_share_their_elements(predictor: Predictor) -> None:
    tokens = {make_card(chest(0.9, 0.1), study("chest"), predictor).token for _ in range(20)}
    assert len(tokens) == 20


def test_a_card_does_not_change(predictor: Predictor) -> None:
    card = make_card(chest(0.9, 0.1), study("chest"), predictor)
    with pytest.raises(AttributeError, match="cannot assign"):
        card.headline = "healthy"  # type: ignore[misc]  what is tested


def test_every_study_asks_a_task_that_exists_and_a_released_finding_of_it() -> None:
    assert len({entry.key for entry in STUDIES}) == len(STUDIES)
    for entry in [entry for entry in STUDIES if entry.key != "auto"]:
        assert entry.task.name == entry.task_name
        assert not entry.label or entry.task.label(entry.label).released
        assert entry.negative_answer.startswith("No ")
    assert find_study("knee") is None


def test_a_study_that_the_image_chooses_becomes_that_of_its_task_and_another_stays() -> None:
    assert study("auto").on("brain-ct").task.name == "brain-ct"
    assert study("auto").on(None) == study("auto")
    assert study("pneumonia").on("brain-ct") == study("pneumonia")


def test_a_study_shows_the_findings_that_it_asks() -> None:
    finding = Finding("pneumonia", 0.5, 0.4, Presence.PRESENT)
    assert study("chest").shows(finding)
    assert study("pneumonia").shows(finding)
    assert not study("tuberculosis").shows(finding)
    assert study("chest").named(finding).title == "Pneumonia"
