"""Model cards: every fact of the bundle, every figure of its evidence, and blanks for what only a person can tell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from radiolens.bundle import InstalledBundle, read_bundle, verify_evidence, write_bundle
from radiolens.errors import BundleError, DatasetError
from radiolens.validation.documents.author_notes import BLANK
from radiolens.validation.documents.card import model_card
from radiolens.validation.documents.seal import seal
from tests.tiny_bundle import make_bundle, make_imported

SECTIONS = (
    "Intended use",
    "Labels",
    "Training data",
    "Operating point",
    "Figures",
    "Limits",
    "How it was made",
    "From the author",
)


def interval(estimate: float | None) -> dict[str, float | None]:
    return {"estimate": estimate, "low": 0.1, "high": 0.9}


def evaluation(sha256: str, **row: object) -> str:
    told = {
        "question": "pneumonia",
        "source": "clinic",
        "positives": 12,
        "negatives": 34,
        "auroc": interval(0.8765),
        "controls": {"out_of_fold": interval(0.654)},
        "sensitivity": interval(0.5),
        "specificity": interval(None),
        "expected_calibration_error": None,
        **row,
    }
    settings = {"bundle": sha256, "splits": ["test", "external"], "command": "radiolens evaluate a | b"}
    types = [{"source": "clinic", "cases": 7, "macro_f1": interval(0.333)}]
    averages = [{"question": "pneumonia", "measure": "auroc", "sources": ["a", "b"], "interval": interval(0.444)}]
    return json.dumps({"settings": settings, "binary": [told], "types": types, "averages": averages})


@pytest.fixture
def installed(tmp_path: Path) -> InstalledBundle:
    folder = make_bundle(tmp_path)
    bundle = read_bundle(folder).bundle
    provenance = {
        "experiment": "tiny",
        "backbone": "efficientnet-lite0",
        "sources": {
            "clinic": ["CC BY 4.0"],
            "web": ["not verified"],
            "other": [],
            "nih": ["NIH, free"],
        },
        "cases": {"clinic": {"train": 70, "validation": 10}},
        "left_out": [
            ["web", "pneumonia"],  # as radiolens wrote it before annotations could be left out in part
            {"source": "clinic", "label": "cough", "keep_one_in": 0, "stage": "one"},
            {"source": "nih", "label": "fever", "keep_one_in": 10, "stage": "two"},
        ],
        "erased": [{"label": "cough", "sources": ["clinic", "nih"], "share": 0.5}],
        "environment": {"python": "3.11", "commit": "abc"},
        "created": "2026-01-01",
    }
    return write_bundle(replace(bundle, provenance=provenance), folder)


def card_of(installed: InstalledBundle) -> str:
    return model_card(installed, installed.folder / "evidence")


def put(installed: InstalledBundle, text: str, place: str = "evaluation.json") -> None:
    file = installed.folder / "evidence" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_card_has_every_section_and_every_fact(installed: InstalledBundle) -> None:
    card = card_of(installed)
    assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == list(SECTIONS)
    for fact in (
        installed.sha256,
        "for education and research",
        "not a medical device",
        "| clinic | 70 | 10 | CC BY 4.0 |",
        "Terms that could not be verified: web, other, nih.",
        "Annotations left out of training: pneumonia of web; cough of clinic (stage one); fever of nih, but for",
        "but for one case in 10 (stage two).",
        "Taken out of the trained head: 0.5 of what normal cases of clinic and nih differ by, from cough.",
        "| pneumonia | 0.500 | 1.500 |",
        "Chosen by: one half.",
        "backbone: efficientnet-lite0",
        "commit abc",
        *(f"* {limit}" for limit in installed.bundle.limits),
    ):
        assert fact in card


def test_without_an_evaluation_there_are_no_figures(installed: InstalledBundle) -> None:
    card = card_of(installed)
    assert "None yet: run `radiolens evaluate`" in card
    assert "AUROC" not in card


def test_figures_are_those_of_the_evaluation(installed: InstalledBundle) -> None:
    put(installed, evaluation(installed.sha256))
    card = card_of(installed)
    assert "Of this bundle. splits: test, external." in card
    aurocs = "0.876 (0.100 to 0.900) | 0.654 (0.100 to 0.900)"
    row = f"| pneumonia | clinic | 12 | 34 | {aurocs} | 0.500 (0.100 to 0.900) | - | - |"
    assert row in card
    assert "Type of clinic (7 cases): macro-F1 0.333 (0.100 to 0.900)." in card
    assert "pneumonia: mean AUROC over a, b 0.444 (0.100 to 0.900)." in card
    assert "Command: `radiolens evaluate a | b`" in card


def test_figures_of_other_networks_are_called_so(installed: InstalledBundle) -> None:
    put(installed, evaluation("0" * 64), "folds/evaluation.json")
    assert "### folds/evaluation.json\n\nOf **other networks than this bundle's**." in card_of(installed)


def test_the_control_of_older_evaluations_is_found(installed: InstalledBundle) -> None:
    put(installed, evaluation(installed.sha256, controls={}, control_auroc=interval(0.777)))
    assert "| 0.777 (0.100 to 0.900) |" in card_of(installed)


@pytest.mark.parametrize("text", ["{", "[]", '{"binary": []}', '{"settings": [], "binary": []}'])
def test_an_evaluation_that_is_none_is_refused(text: str, installed: InstalledBundle) -> None:
    put(installed, text)
    with pytest.raises(BundleError, match=r"evaluation\.json: not an evaluation"):
        card_of(installed)


def test_blanks_are_for_the_author_and_notes_fill_them(installed: InstalledBundle) -> None:
    assert card_of(installed).count(BLANK) == 4
    put(installed, "Contact: the department.\n", "notes.md")
    card = card_of(installed)
    assert BLANK not in card
    assert card.endswith("## From the author\n\nContact: the department.\n")


def test_notes_that_are_no_utf_8_are_refused(installed: InstalledBundle) -> None:
    put(installed, evaluation(installed.sha256))
    (installed.folder / "evidence" / "notes.md").write_bytes("Klinik für Radiologie".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"notes\.md: found text that is not UTF-8 \(byte 8\)"):
        seal(installed.folder)


def test_sealing_binds_the_evidence_and_keeps_the_identity(installed: InstalledBundle) -> None:
    put(installed, evaluation(installed.sha256))
    card = seal(installed.folder)
    assert card.read_text() == card_of(installed)
    verify_evidence(installed.folder)
    assert read_bundle(installed.folder).sha256 == installed.sha256
    before = card.read_bytes()
    seal(installed.folder)
    assert card.read_bytes() == before
    assert {file.name for file in (installed.folder / "evidence").iterdir()} == {
        "evaluation.json",
        "hashes.json",
        "model_card.md",
    }


def test_the_card_of_an_imported_network_claims_nothing_of_its_training(tmp_path: Path) -> None:
    folder = make_imported(tmp_path, "mine", "chest-xray", ("pneumonia",), (64, 64, 3), provenance={"file": "mine.h5"})
    card = model_card(read_bundle(folder), folder / "evidence")
    assert "Its file does not tell what it was made for" in card
    assert "what the network learnt as that is not known" in card
    assert "Not known: the network was imported from a file" in card
    assert "Not calibrated" in card
    for claim in (
        "how it was defined in the training data",
        "pneumonia at any age",
        "Terms that could not be verified",
    ):
        assert claim not in card


def test_a_card_tells_coverage_and_size_of_prediction_sets_and_the_errors_among_the_surest(
    installed: InstalledBundle,
) -> None:
    row = {
        "label": "pneumonia",
        "presence": "absent",
        "source": "clinic",
        "cases": 34,
        "asked": 0.9,
        "coverage": interval(0.912),
        "size": interval(1.234),
        "empty": interval(0.015),
        "indeterminate": interval(0.345),
        "right": interval(0.622),
    }
    selective = {"coverage": 0.8, "kept": 0.021, "all": 0.054, "ratio": interval(0.389)}
    told = json.loads(evaluation(installed.sha256, selective=selective)) | {"prediction_sets": [row]}
    put(installed, json.dumps(told))
    card = card_of(installed)
    assert "made to hold the truth in 90 % of the cases of each answer" in card
    ends = " (0.100 to 0.900)"
    assert (
        f"| pneumonia | absent | clinic | 34 | 0.912{ends} | 1.234{ends} | 0.015{ends} | 0.345{ends} | 0.622{ends} |"
        in card
    )
    assert "How often the surest 80 % of the decisions are wrong, and all of them:" in card
    assert f"| pneumonia, clinic | 0.021 | 0.054 | 0.389{ends} |" in card


def test_a_card_of_an_evaluation_without_sets_says_nothing_of_them(installed: InstalledBundle) -> None:
    nothing = {"coverage": 0.8, "kept": 0.0, "all": 0.0, "ratio": {"estimate": None, "low": None, "high": None}}
    put(installed, evaluation(installed.sha256, selective=nothing))
    assert "Prediction sets" not in card_of(installed)
    assert "surest" not in card_of(installed)


def test_the_confidence_of_sets_is_told_where_they_have_one(installed: InstalledBundle) -> None:
    promise = "Prediction sets keep their 0.9 in 0.7 of the draws of calibration cases, not only in the mean of them."
    for confidence in (0.0, 0.7):
        bundle = replace(installed.bundle, coverage=0.9, coverage_confidence=confidence)
        assert (promise in card_of(replace(installed, bundle=bundle))) is bool(confidence)


def test_a_bias_stands_beside_the_temperature(installed: InstalledBundle) -> None:
    bias = {"pneumonia": -0.25, "tuberculosis": 0.5}
    golden = replace(installed, bundle=replace(installed.bundle, bias=bias))
    assert "| label | threshold | temperature | bias |" in card_of(golden)
    assert "| pneumonia | 0.500 | 1.500 | -0.250 |" in card_of(golden)
