"""Fixtures for the whole suite."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from hypothesis import settings

# No deadline for a single example: a busy machine is slow now and then, and hangs have limits of their own.
settings.register_profile("radiolens", deadline=None)
settings.load_profile("radiolens")

# A shell starts what runs in its background with Ctrl+C ignored, and programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Generated phantoms are no chest films, and the released gate network knows it. What is tested with the program as it
# is installed goes by the header; tests of the gate give a network of their own, or set this back.
os.environ["RADIOLENS_GATE"] = "header"


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator with a fixed seed, so that a failure can be repeated."""
    return np.random.default_rng(0)
