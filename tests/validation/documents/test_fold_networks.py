"""What documents say of a cross-validation that lies in a bundle's evidence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from radiolens.bundle import InstalledBundle
from radiolens.validation.documents.card import model_card
from radiolens.validation.documents.fold_networks import contrast_cells, type_sentences, whose, within_folds
from radiolens.validation.documents.report import report
from tests.validation.evidence_sample import write_sample


def told(estimate: float) -> dict[str, Any]:
    return {"estimate": estimate, "low": estimate - 0.1, "high": estimate + 0.1, "level": 0.95, "method": "made up"}


WITHIN = {
    "contrasts": [
        {
            "question": "pneumonia",
            "contrast": "nih, 18 and older",
            "kind": "within",
            "positives": 241,
            "negatives": 208,
            "patients": 280,
            "networks": 5,
            "auroc": told(0.8),
            "controls": [{"name": "borders and brightness", "auroc": told(0.7), "difference": told(0.1)}],
        }
    ],
    "types": [{"source": "figshare", "cases": 9, "macro_f1": told(0.8), "control": told(0.3), "difference": told(0.5)}],
}


def study(networks: dict[str, str]) -> dict[str, Any]:
    return {"settings": {"networks": networks, "seed": 0}, "binary": [], "types": [], "within_folds": WITHIN}


@pytest.fixture
def installed(tmp_path: Path) -> InstalledBundle:
    return write_sample(tmp_path / "bundle")


def test_the_network_of_a_fold_that_became_the_bundle_is_named(installed: InstalledBundle) -> None:
    own = hashlib.sha256((installed.folder / "model.onnx").read_bytes()).hexdigest()
    assert whose(study({"1": "a", "5": own}), installed) == (
        "2 networks of the same recipe, each judged by what it had not seen; that without fold 5 is this bundle's"
    )
    assert whose(study({"1": "a", "2": "b"}), installed).endswith("none of them is this bundle's")
    assert whose({"settings": {"bundle": installed.sha256}}, installed) == "this bundle"
    assert whose({"settings": {}}, installed) == "other networks than this bundle's"


def test_contrasts_and_types_are_worded_with_their_controls() -> None:
    (cells,) = contrast_cells(study({}))
    assert cells == (
        *("pneumonia", "nih, 18 and older", 241, 208, "0.800 (0.700 to 0.900)"),
        "borders and brightness 0.700 (0.600 to 0.800)",
    )
    (sentence,) = type_sentences(study({}))
    assert sentence == (
        "Type of figshare out of fold (9 cases): macro-F1 0.800 (0.700 to 0.900), borders and brightness 0.300 "
        "(0.200 to 0.400)."
    )


def test_an_evaluation_without_a_cross_validation_adds_nothing() -> None:
    assert list(within_folds({"settings": {}, "binary": []})) == []
    assert contrast_cells({"within_folds": None}) == []


def test_card_and_report_show_the_cross_validation_beside_the_evaluation(installed: InstalledBundle) -> None:
    evidence = installed.folder / "evidence"
    (evidence / "out-of-fold").mkdir(parents=True)
    (evidence / "out-of-fold" / "evaluation.json").write_text(json.dumps(study({"1": "a", "2": "b"})))
    card, shown = model_card(installed, evidence), report(installed, evidence)
    assert "### out-of-fold/evaluation.json\n\nOf **2 networks of the same recipe" in card
    assert "| pneumonia | nih, 18 and older | 241 | 208 | 0.800 (0.700 to 0.900) | borders and brightness 0.7" in card
    assert "Of 2 networks of the same recipe" in shown
    assert "<td>nih, 18 and older</td>" in shown
    assert "macro-F1 0.800 (0.700 to 0.900), borders and brightness 0.300" in shown
