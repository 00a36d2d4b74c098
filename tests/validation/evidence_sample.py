"""A bundle whose evidence holds every kind of section, made without running its network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from radiolens.bundle import InstalledBundle, read_bundle, write_evidence_hashes
from radiolens.data.known_answers import known_answers
from radiolens.data.manifest import Manifest
from radiolens.evaluation.conformal import ConformalSets, answers_of
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.paired import McNemar
from radiolens.validation.comparison import Compared, ComparedTypes, Comparison, DecisionTest
from radiolens.validation.controls.cross_validated import CrossValidated
from radiolens.validation.controls.feature_studies import FeatureStudies
from radiolens.validation.controls.random_labels import RandomLabels
from radiolens.validation.controls.slice_position import SlicePosition
from radiolens.validation.controls.source_held_out import SourceHeldOut
from radiolens.validation.controls.source_probe import SourceAnswer, SourceProbe, SourceRecognition, SourceShare
from radiolens.validation.documents.dataset_facts import dataset_facts
from radiolens.validation.documents.plots import draw_plots
from radiolens.validation.documents.seal import write_documents
from radiolens.validation.explanations.explanation_tests import Agreement, ExplanationTests
from radiolens.validation.explanations.localisation import Localisation, Prior
from radiolens.validation.explanations.weight_shuffle import Randomisation
from radiolens.validation.largest_errors import largest_errors
from radiolens.validation.questions import Scored, questions
from radiolens.validation.results import as_json, plain_json, write_evaluation
from radiolens.validation.robustness import Level, Robustness
from radiolens.validation.study import Plan, measure
from tests.tiny_bundle import make_bundle
from tests.validation.scored_cases import CHEST, THRESHOLDS, chest

NAN = float("nan")


def some(estimate: float) -> Interval:
    return Interval(estimate, estimate - 0.0123, estimate + 0.0234, 0.95, "made up")


def films() -> Scored:
    """Return films of two sources with ages, sexes and views; one path looks like HTML."""
    scored = chest(160)
    cases = tuple(
        replace(case, split="test", age=5.0 + number % 80, sex="FM"[number % 2], view=("AP", "PA")[number // 3 % 2])
        for number, case in enumerate(scored.cases)
    )
    return replace(scored, cases=(replace(cases[0], path="<script>alert(1)</script>.png"), *cases[1:]))


def content(sha256: str) -> dict[str, Any]:
    """Return an evaluation with every section, for a bundle of this identity."""
    scored = films()
    settings = {
        "bundle": sha256,
        "name": "chest-xray",
        "version": "0.0.1",
        "splits": ("test",),
        "folds": (),
        "sources": (),
        "command": "radiolens evaluate chest-xray films.csv --output <out>",
        "versions": {"radiolens": "0.1.0", "numpy": "2.1.0"},
    }
    study = measure(CHEST, scored, THRESHOLDS, Plan(1, 20, 10, settings), sets=[sets()] * len(scored.cases))
    asked = questions(CHEST, scored, THRESHOLDS)
    manifest = Manifest(Path("films.csv"), CHEST, scored.cases)
    return {
        **as_json(study),
        "comparison": plain_json(comparison()),
        "feature_studies": plain_json(feature_studies()),
        "robustness": plain_json(robustness()),
        "explanations": plain_json(explanations()),
        "largest_errors": plain_json(largest_errors(asked, scored.cases)),
        "dataset": plain_json(dataset_facts(manifest, scored.cases)),
    }


def write_sample(folder: Path) -> InstalledBundle:
    """Write a tiny bundle below `folder` with all its evidence, hashes and documents, and return it."""
    installed = read_bundle(make_bundle(folder))
    evidence = installed.folder / "evidence"
    study = content(installed.sha256)
    write_evaluation(study, evidence)
    draw_plots(questions(CHEST, films(), THRESHOLDS), study, evidence / "plots")
    write_documents(installed, evidence)
    write_evidence_hashes(installed.folder)
    return installed


def sets() -> ConformalSets:
    """Return what makes prediction sets, from other films."""
    scored = chest(160, seed=1)
    truth = known_answers(answers_of(CHEST.label_names, exclusive=False), scored.cases, exclusive=False)
    sources = [case.source for case in scored.cases]
    return ConformalSets.calibrated(CHEST.label_names, scored.probabilities, truth, sources, exclusive=False)


def comparison() -> Comparison:
    test = DecisionTest(McNemar(7, 3, 0.344), 0.688)
    row = Compared(
        question="pneumonia",
        source="children",
        positives=40,
        negatives=40,
        patients=40,
        first_auroc=some(0.811),
        second_auroc=some(0.722),
        difference=some(0.089),
        difference_clustered=some(0.088),
        p_value=0.0004,
        corrected_p_value=0.0008,
        first_sensitivity=some(0.812),
        second_sensitivity=some(0.723),
        first_specificity=some(0.813),
        second_specificity=some(0.724),
        right=test,
        sensitivity=test,
        specificity=test,
    )
    types = ComparedTypes("all", 90, 45, some(0.814), some(0.725), some(0.086), test)
    return Comparison("chest-xray 0.0.1", "chest-xray 0.0.2", 160, (row,), ("tuberculosis",), (types,))


def feature_studies() -> FeatureStudies:
    probe = SourceProbe(
        (SourceRecognition("borders and brightness", "all", ("adults", "children"), 160, 80, 0.5, some(0.931)),),
        (
            SourceAnswer(
                "pneumonia",
                (SourceShare("children", (("no", 40), ("yes", 40))),),
                some(0.555),
                exposed=True,
                verdict="The images give their source away.",
            ),
        ),
    )
    random = RandomLabels("pneumonia", "children", 80, 40, (0.49, 0.52), some(0.505), holds=True, verdict="They hold.")
    split = CrossValidated(
        question="pneumonia",
        source="children",
        head="linear",
        measure="auroc",
        cases=80,
        patients=40,
        folds=5,
        by_patient=some(0.701),
        by_image=some(0.802),
        difference=some(0.101),
        control=some(0.603),
        sharing=66,
        sharing_by_chance=3.2,
        verdict="Neighbours stand in both halves.",
    )
    held_out = SourceHeldOut("pneumonia", "children", ("adults",), 80, 80, 40, some(0.504), some(0.506), some(0.707))
    place = SlicePosition("pneumonia", "children", 80, 40, some(0.881), some(NAN))
    return FeatureStudies(320, probe, (random,), (split,), (held_out,), (place,), ("Adults tell one answer.",))


def robustness() -> tuple[Robustness, ...]:
    levels = tuple(
        Level(value, some(0.9 - value), some(-value), some(0.8), some(0.7 - value), some(value))
        for value in (0.0, 0.05, 0.1)
    )
    return tuple(
        Robustness("pneumonia", name, unit, 0.5, 40, 40, 40, levels)
        for name, unit in (("noise", "standard deviation"), ("blur", "pixels"), ("gamma", "exponent"), ("JPEG", "q"))
    )


def explanations() -> ExplanationTests:
    prior = Prior("image centre", some(0.2), some(0.3), some(0.1), some(0.25), some(0.26), some(0.27))
    place = Localisation("activation map", "all", 40, 20, 0.071, some(0.45), some(0.56), some(0.37), (prior,))
    return ExplanationTests(
        "class-activation-map",
        (place,),
        (Randomisation("head", 1, 20, some(0.111), some(0.222)),),
        (Agreement("all", 20, 20, some(0.333)),),
        "The maps point into the lesion more often than the image centre.",
    )
