from __future__ import annotations

from dataclasses import replace

import pytest

from radiolens.data.case import Case
from radiolens.errors import DatasetError
from radiolens.training.config import Augmentation, Experiment, Masking
from radiolens.training.variant import Variant
from radiolens.training.variants import PLAIN, known_variants, load_variant
from tests.project.source_tree import ROOT

TASKS = ("chest-xray", "brain-mri", "brain-ct")


@pytest.mark.parametrize("name", known_variants())
def test_a_variant_is_called_like_its_file_and_changes_an_experiment_of_any_task(name: str) -> None:
    variant = load_variant(name)
    assert variant.name == name
    for task in TASKS:
        assert variant.change(Experiment(name="x", task=task)).task == task
    assert set(variant.together_with) <= set(known_variants()) - {name}


@pytest.mark.parametrize("name", [name for name in known_variants() if name != PLAIN])
def test_every_other_variant_does_something_else_than_the_plain_recipe(name: str) -> None:
    variant, experiment = load_variant(name), Experiment(name="x", task="chest-xray")
    other = replace(variant, name=PLAIN, change=load_variant(PLAIN).change) != load_variant(PLAIN)
    assert other or variant.change(experiment) != experiment


def test_the_plain_recipe_comes_first_and_changes_nothing() -> None:
    assert known_variants()[0] == PLAIN
    assert load_variant(PLAIN) == Variant(PLAIN)
    experiment = Experiment(name="x", task="chest-xray")
    assert load_variant(PLAIN).change(experiment) == experiment


def test_a_variant_that_is_not_known_is_answered_with_those_that_are() -> None:
    with pytest.raises(DatasetError, match=r"Unknown variant 'clae'. Known: plain, .*clahe"):
        load_variant("clae")


def switched_on(augmentation: Augmentation) -> set[str]:
    """Return the changes that are not those that leave a picture as it is."""
    whole = {"smallest_crop": 1.0, "contrast": (1.0, 1.0), "median": None}
    return {name for name, value in vars(augmentation).items() if value != whole.get(name, 0)}


def test_each_augmentation_variant_switches_on_its_own_part_and_together_they_are_all() -> None:
    chest = Experiment(name="x", task="chest-xray")
    parts = [name for name in known_variants() if name.startswith("augment_") and name != "augment_all"]
    own = [switched_on(load_variant(name).change(chest).augmentation) for name in parts]
    assert sum(map(len, own)) == len(set().union(*own))
    assert set().union(*own) == switched_on(load_variant("augment_all").change(chest).augmentation)


def test_masked_and_implied_answers_are_told_by_the_experiment() -> None:
    chest = Experiment(name="x", task="chest-xray")
    assert load_variant("masked_pneumonia").change(chest).masked == (Masking("tb-collection", "pneumonia"),)
    assert load_variant("masked_pneumonia").change(Experiment(name="x", task="brain-ct")).masked == ()
    assumed = load_variant("implied_absences").change(chest).assumed_absent
    child = Case("a.png", source="guangzhou", labels={"pneumonia": 1, "tuberculosis": None})
    assert not any(absence.covers(child) for absence in assumed)
    assert any(absence.covers(replace(child, labels={"pneumonia": 0, "tuberculosis": None})) for absence in assumed)
    assert any(absence.covers(replace(child, source="nih")) for absence in assumed)


def test_the_comparison_in_the_docs_has_every_variant() -> None:
    text = (ROOT / "docs" / "variants.md").read_text(encoding="utf-8")
    assert [name for name in known_variants() if f"| {name} |" not in text] == []
