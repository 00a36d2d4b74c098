"""What counts of the site's cases: answered, known, and disclosed to who asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from radiolens.bundle import InstalledBundle, read_bundle
from radiolens.prediction import BundleIdentity, Prediction, Presence
from radiolens.quality import Problem, ProblemCode, Quality
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID, AnswerStage
from radiolens.web.administration.outcomes import answered_by, diagnoses, local_cases, pairs
from tests.tiny_bundle import make_bundle
from tests.web.administration.outcomes import add_case, answer


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[InstalledBundle, ...]:
    folder = tmp_path_factory.mktemp("bundles")
    return tuple(read_bundle(make_bundle(folder, seed=number, version=f"0.{number}.0")) for number in (1, 2))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/radiolens.db")
    yield opened
    opened.close()


def said(bundle: InstalledBundle, tuberculosis: float, pneumonia: float = 0.1) -> Prediction:
    return answer(bundle, {"pneumonia": pneumonia, "tuberculosis": tuberculosis})


def test_the_last_word_on_a_label_counts_and_what_is_indeterminate_does_not(
    database: Database, bundles: tuple[InstalledBundle, ...]
) -> None:
    bundle = bundles[0]
    add_case(database, [(said(bundle, 0.9), False)], [{"tuberculosis": "absent"}, {"tuberculosis": "present"}])
    add_case(database, [(said(bundle, 0.3), False)], [{"tuberculosis": "absent"}, {"pneumonia": "present"}], images=2)
    add_case(database, [(said(bundle, 0.5), False)], [{"tuberculosis": "indeterminate"}])
    add_case(database, [(said(bundle, 0.6), False)])
    with database.reading() as session:
        answered = answered_by(session, LOCAL_USER_ID, bundle.sha256)
        known = diagnoses(session)
    cases = local_cases(answered, known, "tuberculosis", exclusive=False)
    assert [dict(told) for told in known.values()] == [
        {"tuberculosis": Presence.PRESENT},
        {"tuberculosis": Presence.ABSENT, "pneumonia": Presence.PRESENT},
        {},
    ]
    assert len(answered) == 5
    assert sorted(zip(cases.scores.tolist(), cases.truth.tolist(), strict=True)) == [
        (0.3, False),
        (0.3, False),
        (0.9, True),
    ]
    assert cases.patient_count == 2
    assert cases.callable_rows.all()


def test_of_exclusive_labels_only_the_likeliest_can_be_called(tmp_path: Path, database: Database) -> None:
    bundle = read_bundle(make_bundle(tmp_path, "brain-mri"))
    for glioma, pituitary in ((0.6, 0.2), (0.3, 0.5)):
        shares = {"glioma": glioma, "meningioma": 0.1, "pituitary": pituitary, "no_tumour": 0.1}
        add_case(database, [(answer(bundle, shares), False)], [{"glioma": "present"}])
    with database.reading() as session:
        answered = answered_by(session, LOCAL_USER_ID, bundle.sha256)
        cases = local_cases(answered, diagnoses(session), "glioma", exclusive=True)
    assert dict(zip(cases.scores, cases.callable_rows, strict=True)) == {0.6: True, 0.3: False}


def test_what_is_hidden_from_who_asks_counts_for_nobody_until_it_is_disclosed(
    database: Database, bundles: tuple[InstalledBundle, ...]
) -> None:
    first, second = bundles
    both = [(said(first, 0.9), False), (said(second, 0.1), True)]
    known = [{"tuberculosis": "present"}]
    add_case(database, both, known, blinded=True)
    add_case(database, both, known, blinded=True, closed=True)
    shown = add_case(database, both, known, blinded=True, closed=True, said={AnswerStage.BEFORE: {}})
    with database.reading() as session:
        for viewer in (LOCAL_USER_ID, uuid4()):
            (found,) = answered_by(session, viewer, first.sha256)
            assert found.case_id == shown.id
            (pair,) = pairs(session, viewer, first.sha256, second.sha256)
            assert pair.case_id == shown.id


def test_pairs_are_of_the_images_that_both_were_asked_about(
    database: Database, bundles: tuple[InstalledBundle, ...]
) -> None:
    first, second = bundles
    problem = Problem.found(ProblemCode.UNLIKE_TRAINING_DATA, "No picture is like it.")
    identity = BundleIdentity(second.bundle.name, second.bundle.version, second.sha256)
    refused = Prediction("chest-xray", identity, quality=Quality((problem,)))
    add_case(database, [(said(first, 0.9), False), (said(second, 0.2), True)])
    add_case(database, [(said(first, 0.7), False), (refused, True)])
    add_case(database, [(said(first, 0.6), False)])
    add_case(database, [(said(second, 0.6), False)])
    with database.reading() as session:
        found = pairs(session, LOCAL_USER_ID, first.sha256, second.sha256)
        shadow = answered_by(session, LOCAL_USER_ID, second.sha256)
    one, other = sorted(found, key=lambda entry: entry.second is None)
    assert one.second is not None
    assert other.second is None
    assert one.first is not None
    assert one.first.presences["tuberculosis"] is Presence.PRESENT
    assert len(shadow) == 2
