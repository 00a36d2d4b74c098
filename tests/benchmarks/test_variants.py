from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.variants import ONLY, table
from radiolens.evaluation.intervals import Interval
from radiolens.training.variants import PLAIN, known_variants
from radiolens.validation.variants.compare import Compared
from tests.project.source_tree import ROOT
from tests.shared_data import SHARED, needs_shared_data


def row(variant: str, line: str, gain: tuple[float, float, float], target: float = 1.0) -> Compared:
    auroc, control = (Interval(value, value - 0.1, value + 0.1, 0.95, "x") for value in (0.8, 0.6))
    return Compared(variant, line, "nih", target, 40, 20, auroc, Interval(*gain, 0.95, "x"), control)


ROWS = [
    row(PLAIN, "pneumonia", (0.0, 0.0, 0.0)),
    row(PLAIN, "hospital", (0.0, float("nan"), float("nan")), target=0.5),
    row("better", "pneumonia", (0.05, 0.02, 0.08)),
    row("better", "hospital", (0.01, float("nan"), float("nan")), target=0.5),
    row("worse", "pneumonia", (-0.05, -0.08, -0.02)),
    row("worse", "hospital", (-0.1, float("nan"), float("nan")), target=0.5),
    row("alike", "pneumonia", (0.01, -0.02, 0.04)),
    row("alike", "hospital", (0.0, float("nan"), float("nan")), target=0.5),
]


def test_a_gain_is_bold_where_its_interval_leaves_out_nothing_gained() -> None:
    lines = table(ROWS).splitlines()
    assert "| A | pneumonia | nih | 40 | 20 | 1 | 0.800 (0.700 to 0.900) | 0.600 (0.500 to 0.700) |" in lines
    assert "| variant | A | B |" in lines
    assert "| better | **+0.050 ± 0.030** | +0.010 |" in lines
    assert "| worse | **-0.050 ± 0.030** | -0.100 |" in lines
    assert "| alike | +0.010 ± 0.030 | +0.000 |" in lines
    assert not any(line.startswith(f"| {PLAIN} ") for line in lines)


def test_the_variants_of_one_task_are_known() -> None:
    assert set(ONLY) < set(known_variants())


@pytest.mark.slow
@needs_shared_data
def test_the_command_prints_the_tables_of_a_task(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.variants", "--data", str(SHARED), "--cache", str(tmp_path)]
    options = ["--tasks", "brain-ct", "--variants", "mirrored", "implied_absences", "--images", "90"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Seed 0, 90 images." in done.stdout
    assert done.stdout.count("| haemorrhage, sich | - |") == 1
    assert "| mirrored | " in done.stdout
    assert "implied_absences" not in done.stdout  # which is about chest films
