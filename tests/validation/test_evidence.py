from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from radiolens.bundle import RELEASED


@pytest.mark.parametrize("file", sorted(RELEASED.glob("*/*/evidence/evaluation.json")), ids=lambda file: file.parts[-4])
def test_the_evidence_is_of_the_bundle_beside_it(file: Path) -> None:
    told = json.loads(file.read_text())["settings"]["bundle"]
    assert told == hashlib.sha256((file.parents[1] / "bundle.json").read_bytes()).hexdigest()
