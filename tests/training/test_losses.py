"""Losses and targets under partial labels, against the formulas written out."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from radiolens.data.manifest import Case
from radiolens.errors import DatasetError
from radiolens.tasks import get_task
from radiolens.training.config import Absence, Masking
from radiolens.training.losses import (
    AnnotatedCrossentropy,
    MapCrossentropy,
    PossibleSetCrossentropy,
    annotated,
    loss_for,
    targets,
    training_targets,
)
from tests.training.tiny_experiment import EXPERIMENT

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")


def test_findings_that_are_not_annotated_contribute_no_loss_and_no_gradient() -> None:
    wanted = np.array([[1.0, -1.0], [0.0, 1.0]], np.float32)
    logits = tf.Variable([[2.0, 5.0], [-1.0, 0.5]])
    with tf.GradientTape() as tape:
        loss = AnnotatedCrossentropy()(wanted, logits)
    known = [np.logaddexp(0, -2.0), np.logaddexp(0, -1.0), np.logaddexp(0, -0.5)]
    assert float(loss) == pytest.approx(np.mean(known), abs=1e-5)
    gradient = np.asarray(tape.gradient(loss, logits))
    assert gradient[0, 1] == 0.0
    assert (gradient[[0, 1, 1], [0, 0, 1]] != 0).all()


def test_a_batch_without_annotations_costs_nothing() -> None:
    assert float(AnnotatedCrossentropy()(np.full((2, 2), -1.0, np.float32), np.ones((2, 2), np.float32))) == 0.0


def test_smoothed_findings_cost_what_keras_says() -> None:
    wanted, logits = np.array([[1.0, 0.0]], np.float32), np.array([[2.0, -0.3]], np.float32)
    keras_loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)
    assert float(AnnotatedCrossentropy(0.1)(wanted, logits)) == pytest.approx(
        float(keras_loss(wanted, logits)), abs=1e-5
    )


def test_a_tumour_of_unknown_type_trains_through_the_sum() -> None:
    logits = np.array([[1.0, 2.0, 0.5, -1.0]], np.float32)
    probability = np.exp(logits[0]) / np.exp(logits[0]).sum()
    loss = PossibleSetCrossentropy()(np.array([[1.0, 1.0, 1.0, 0.0]], np.float32), logits)
    assert float(loss) == pytest.approx(-np.log(probability[:3].sum()), abs=1e-5)


def test_one_possible_label_costs_what_keras_says() -> None:
    wanted, logits = np.eye(4, dtype=np.float32)[[2]], np.array([[1.0, 2.0, 0.5, -1.0]], np.float32)
    keras_loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    own = PossibleSetCrossentropy(0.1)(wanted, logits)
    assert float(own) == pytest.approx(float(keras_loss(wanted, logits)), abs=1e-5)


@pytest.mark.parametrize(("task", "kind"), [(CHEST, AnnotatedCrossentropy), (MRI, PossibleSetCrossentropy)])
def test_the_loss_follows_the_kind_of_labels_and_survives_its_configuration(task: object, kind: type) -> None:
    loss = loss_for(task, 0.2)  # type: ignore[arg-type]  # the parameter is untyped here
    assert isinstance(loss, kind)
    assert kind.from_config(loss.get_config()).label_smoothing == 0.2  # type: ignore[attr-defined]  # both have it


def test_targets_are_joined_by_name_and_masked() -> None:
    case = Case("a", "s", labels={"tuberculosis": 1, "pneumonia": 0})
    assert targets([case], CHEST).tolist() == [[0.0, 1.0]]
    assert targets([case], CHEST, [Masking("s", "pneumonia")]).tolist() == [[-1.0, 1.0]]
    assert targets([case], CHEST, [Masking("other", "pneumonia")]).tolist() == [[0.0, 1.0]]
    assert targets([Case("a", possible=frozenset({"glioma"}))], MRI).tolist() == [[1.0, 0.0, 0.0, 0.0]]
    assert targets([], MRI).shape == (0, 4)


def test_one_case_in_some_keeps_what_is_masked() -> None:
    cases = [Case(f"{number}.png", "s", labels={"tuberculosis": 0, "pneumonia": 0}) for number in range(3000)]
    kept = [targets(cases, CHEST, [Masking("s", "pneumonia", number)])[:, 0] == 0 for number in (0, 1, 10)]
    assert [int(found.sum()) for found in kept[:2]] == [0, 3000]
    assert kept[2].mean() == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / 3000))
    alone = [targets([case], CHEST, [Masking("s", "pneumonia", 10)])[0, 0] == 0 for case in cases]
    assert alone == kept[2].tolist()  # whatever stands beside it
    with pytest.raises(DatasetError, match="keep_one_in of pneumonia of s is -1, expected 0"):
        Masking("s", "pneumonia", -1)


def test_rows_without_annotation_are_told() -> None:
    assert annotated(np.array([[-1, -1], [-1, 0]], np.float32), exclusive=False).tolist() == [False, True]
    assert annotated(np.array([[0, 0], [0, 1]], np.float32), exclusive=True).tolist() == [False, True]


def test_a_finding_taken_as_absent_is_so_where_nobody_annotated_it() -> None:
    absences = (
        Absence("children", "tuberculosis", "read as normal", only_normal=True),
        Absence("adults", "tuberculosis", "none is seen there"),
    )
    experiment = replace(EXPERIMENT, assumed_absent=absences, masked=(Masking("adults", "pneumonia"),))
    cases = [
        Case("normal child", "children", labels={"pneumonia": 0, "tuberculosis": None}),
        Case("ill child", "children", labels={"pneumonia": 1, "tuberculosis": None}),
        Case("ill adult", "adults", labels={"pneumonia": 1, "tuberculosis": None}),
        Case("tuberculous adult", "adults", labels={"pneumonia": None, "tuberculosis": 1}),
        Case("unknown adult", "adults", labels={"pneumonia": None, "tuberculosis": None}),
        Case("elsewhere", "other", labels={"pneumonia": 0, "tuberculosis": None}),
    ]
    found = training_targets(experiment, cases, CHEST).tolist()
    assert found == [[0.0, 0.0], [1.0, -1.0], [-1.0, 0.0], [-1.0, 1.0], [-1.0, -1.0], [0.0, -1.0]]
    assert targets(cases[:1], CHEST).tolist() == [[0.0, -1.0]]


def test_a_map_costs_the_cross_entropy_of_keras_over_its_places(rng: np.random.Generator) -> None:
    maps = rng.normal(size=(3, 4, 5, 2)).astype(np.float32)
    places = np.zeros_like(maps)
    places[0, :, :, 1] = rng.dirichlet(np.ones(20)).reshape(4, 5)
    places[2, 1, 3, 0] = 1.0
    each = [
        float(
            keras.losses.CategoricalCrossentropy(from_logits=True)(
                places[row, ..., label].reshape(1, -1), maps[row, ..., label].reshape(1, -1)
            )
        )
        for row, label in ((0, 1), (2, 0))
    ]
    assert float(MapCrossentropy()(places, maps)) == pytest.approx(np.mean(each), abs=1e-5)
    assert MapCrossentropy.from_config(MapCrossentropy().get_config()).name == "map_crossentropy"


def test_maps_without_a_mask_cost_nothing_and_move_nothing() -> None:
    maps = tf.Variable(np.ones((2, 3, 3, 1), np.float32))
    with tf.GradientTape() as tape:
        loss = MapCrossentropy()(np.zeros((2, 3, 3, 1), np.float32), maps)
    assert float(loss) == 0.0
    assert not np.asarray(tape.gradient(loss, maps)).any()
