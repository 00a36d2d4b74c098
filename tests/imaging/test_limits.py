"""The bounds on files, and their table in docs/contracts.md."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from radiolens.imaging.limits import MIB, Limits
from radiolens.settings import Settings
from tests.project.documents import table_column, text_of

CONTRACTS = text_of("docs/contracts.md")


def written(value: float) -> str:
    """Return a bound as the table writes it."""
    if value % MIB == 0:
        return f"{value // MIB} MiB"
    return f"{value / 1e6:.0f} million" if value >= 1e6 else f"{value:g}"


def test_every_limit_is_documented_with_its_value() -> None:
    names = table_column(CONTRACTS, "Limits on files")
    values = table_column(CONTRACTS, "Limits on files", column=1)
    assert names == [field.name for field in fields(Limits)]
    assert values == [written(getattr(Limits(), name)) for name in names]


def test_limits_do_not_change_under_a_reader() -> None:
    with pytest.raises(FrozenInstanceError):
        Limits().pixels = 1  # type: ignore[misc]  # that is what is tested


def test_the_largest_upload_is_the_largest_input() -> None:
    assert Settings().max_upload_bytes == Limits().file_bytes


def test_the_largest_frame_fits_a_child_as_float32_with_a_copy_of_its_bytes() -> None:
    libraries = 180_000_000
    assert libraries + Limits().pixels * (4 + 4) < Limits().address_space_bytes


def test_the_kernel_counts_whole_seconds_and_the_clock_goes_on_longer() -> None:
    assert isinstance(Limits().cpu_seconds, int)
    assert Limits().cpu_seconds < Limits().wall_seconds
