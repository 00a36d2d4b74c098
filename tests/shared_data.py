"""Where the real image sets lie, for tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("RADIOLENS_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
"""The real image sets; they lie beside the repo and are never part of it."""

needs_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"needs the real image sets in {SHARED} (set RADIOLENS_SHARED_DATA)"
)
"""Skips a test where the real image sets are absent."""
