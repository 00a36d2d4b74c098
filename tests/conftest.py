"""Fixtures for the whole suite."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

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


def pytest_collection_finish() -> None:
    _take_from_the_collector()


@pytest.fixture(scope="module", autouse=True)
def _collector_sees_one_module() -> Iterator[None]:
    yield
    _take_from_the_collector()


def _take_from_the_collector() -> None:
    """Take all that lives out of the garbage collector's view.

    What all test files together load, and TensorFlow keeps, are millions of objects, most of which live to the end.
    Each whole collection, for which Keras and statsmodels ask at every turn, would go through them for seconds.
    """
    gc.collect()
    gc.freeze()
