"""The measuring script runs and prints every figure it promises; what the figures are is not judged here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.project.source_tree import ROOT

FIGURES = (
    "radiolens predict, process start to first answer",
    "server, process start to /readyz",
    "server at rest, resident memory, with fork server",
    "bare runtime, generated film of 1024 pixels",
    "prediction without decoding, generated film of 1024 pixels",
    "ratio, generated film of 1024 pixels",
    "ratio, generated film of 3072 pixels",
    "prediction with gate, generated film of 1024 pixels",
    "with gate over without, generated film of 3072 pixels",
)


@pytest.mark.slow
def test_the_serving_benchmark_prints_machine_load_seed_and_each_figure_with_its_target() -> None:
    command = [sys.executable, "benchmarks/serving.py", "--busy", "--repeats", "1", "--without-keras"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr  # 1: a target missed, as on a busy machine
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["machine", "load", "versions", "seed"]
    for figure in FIGURES:
        (line,) = [line for line in lines if line.startswith(figure)]
        assert float(line.removeprefix(figure).split()[0]) > 0
    judged = [line for line in lines if line.endswith(("met", "MISSED"))]
    assert len(judged) == 9
    assert any(line.endswith("MISSED") for line in judged) == bool(done.returncode)
