"""Uploads share a bounded memory."""

from __future__ import annotations

import anyio
import pytest

from radiolens.web.budget import ByteBudget
from radiolens.web.problems import HTTPProblem


def test_who_finds_no_bytes_waits_until_another_gives_them_back() -> None:
    order: list[str] = []

    async def request(budget: ByteBudget, name: str, count: int, ends: anyio.Event | None = None) -> None:
        async with budget.hold(count):
            order.append(f"{name} in")
            if ends:
                await ends.wait()
            order.append(f"{name} out")

    async def scenario() -> None:
        budget, large_ends = ByteBudget(100), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(request, budget, "large", 80, large_ends)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(request, budget, "second", 80)
            await anyio.wait_all_tasks_blocked()
            await request(budget, "small", 20)
            large_ends.set()

    anyio.run(scenario)
    assert order == ["large in", "small in", "small out", "large out", "second in", "second out"]


def test_who_waits_too_long_is_told_when_to_come_back() -> None:
    async def scenario() -> None:
        budget = ByteBudget(100, patience_s=0.05)
        async with budget.hold(60):
            with pytest.raises(HTTPProblem, match="Other uploads take all the memory") as caught:
                async with budget.hold(60):
                    raise AssertionError("120 of 100 bytes were given")
        assert caught.value.status_code == 503
        assert caught.value.headers == {"Retry-After": "60"}
        async with budget.hold(100):  # nothing was lost to the one who gave up
            pass

    anyio.run(scenario)


def test_bytes_come_back_when_a_request_fails_or_is_cancelled() -> None:
    async def scenario() -> None:
        budget = ByteBudget(100, patience_s=0.05)
        with pytest.raises(ValueError, match="broken"):
            async with budget.hold(100):
                raise ValueError("broken")
        with anyio.move_on_after(0.01):
            async with budget.hold(100):
                await anyio.sleep(10)
        async with budget.hold(100):
            pass

    anyio.run(scenario)
