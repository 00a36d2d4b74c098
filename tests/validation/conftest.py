"""The evidence that several tests read, made once."""

from __future__ import annotations

import pytest

from radiolens.bundle import InstalledBundle
from tests.validation.evidence_sample import write_sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> InstalledBundle:
    """Return a bundle with evidence of every kind; a test that changes it takes a copy."""
    return write_sample(tmp_path_factory.mktemp("sample"))
