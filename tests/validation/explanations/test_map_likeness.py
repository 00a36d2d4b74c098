from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from radiolens.validation.explanations.map_likeness import rank_correlation, structural_similarity


def test_the_rank_correlation_is_that_of_scipy(rng: np.random.Generator) -> None:
    for _ in range(5):
        first, second = rng.integers(0, 6, (2, 7, 7)).astype(np.float32)  # with ties
        assert rank_correlation(first, second) == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic)
    assert rank_correlation(first, 3 * first + 1) == pytest.approx(1)


def test_a_map_without_order_correlates_with_nothing(rng: np.random.Generator) -> None:
    assert rank_correlation(np.zeros((7, 7)), rng.random((7, 7))) == 0
    assert rank_correlation(np.ones((7, 7)), np.ones((7, 7))) == 0


def test_the_similarity_is_ssim_in_one_window(rng: np.random.Generator) -> None:
    x, y = rng.random((2, 7, 7))
    x, y = x / x.max(), y / y.max()
    covariance = ((x - x.mean()) * (y - y.mean())).sum() / 48
    by_hand = ((2 * x.mean() * y.mean() + 1e-4) * (2 * covariance + 9e-4)) / (
        (x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (x.var(ddof=1) + y.var(ddof=1) + 9e-4)
    )
    assert structural_similarity(5 * x, y) == pytest.approx(by_hand)
    assert structural_similarity(x, x) == pytest.approx(1)
    assert structural_similarity(x, 2 * x) == pytest.approx(1)
    assert structural_similarity(np.zeros((7, 7)), x) < 0.1
