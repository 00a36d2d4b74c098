"""The sandbox with children that crash, hang, eat memory, lie and die."""

from __future__ import annotations

import gc
import itertools
import json
import logging
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radiolens.errors import BundleError, DatasetError, RadiolensError, UnreadableImage, UnsupportedImage
from radiolens.imaging.limits import Limits
from radiolens.imaging.sandbox import Sandbox, readers_sandbox
from radiolens.imaging.wire import Payload
from radiolens.quality import ProblemCode
from tests.process_tree import children, descriptors, is_alive, is_limited, needs_proc, open_files, until, zombies

pytestmark = needs_proc

HERE = "tests.imaging.sandboxed"
SHORT = Limits(cpu_seconds=1, wall_seconds=2.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    found = Sandbox(preload=(HERE,))
    yield found
    found.stop()


def call(
    sandbox: Sandbox,
    name: str,
    *files: bytes,
    limits: Limits = Limits(),
    **arguments: Any,  # noqa: ANN401  what JSON can hold
) -> Payload:
    return sandbox.run(f"{HERE}:{name}", files, arguments, limits)


def facts(
    sandbox: Sandbox,
    name: str,
    *files: bytes,
    **arguments: Any,  # noqa: ANN401  as above
) -> Mapping[str, Any]:
    return call(sandbox, name, *files, **arguments).facts


def fork_server() -> int:
    """Return the only fork server below this process that preloads the functions of these tests."""
    (found,) = [
        pid for pid in children(os.getpid()) if HERE in Path(f"/proc/{pid}/cmdline").read_text(encoding="ascii")
    ]
    return found


def test_a_function_gets_files_and_arguments_and_gives_facts_and_arrays(sandbox: Sandbox) -> None:
    told = call(sandbox, "echo", b"first", b"", bytes(2_000_000), number=4, text="\N{GREEK SMALL LETTER MU}")
    assert told.facts["arguments"] == {"number": 4, "text": "\N{GREEK SMALL LETTER MU}"}
    assert [array.tobytes() for array in told.arrays] == [b"first", b"", bytes(2_000_000)]


def test_each_call_has_a_child_of_its_own_that_knows_nothing_of_the_one_before(sandbox: Sandbox) -> None:
    assert facts(sandbox, "echo")["pid"] != facts(sandbox, "echo")["pid"]
    assert [facts(sandbox, "remember", b"a patient")["before"] for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("death", ["segfault", "abort", "leave", "be_killed"])
def test_a_child_that_dies_is_an_unreadable_image(sandbox: Sandbox, death: str) -> None:
    with pytest.raises(UnreadableImage, match="made its decoder fail") as caught:
        call(sandbox, death)
    assert caught.value.code is ProblemCode.UNREADABLE
    assert facts(sandbox, "echo")["pid"] > 0


@pytest.mark.parametrize(("hang", "arguments"), [("loop", {}), ("sleep", {"seconds": 1000})])
def test_a_child_that_hangs_is_ended_by_its_limits(sandbox: Sandbox, hang: str, arguments: dict[str, Any]) -> None:
    start = time.monotonic()
    with pytest.raises(UnreadableImage, match="took longer than 2 s") as caught:
        call(sandbox, hang, limits=SHORT, **arguments)
    assert caught.value.code is ProblemCode.TOO_LARGE
    assert time.monotonic() - start < 10


def test_a_child_that_turned_its_timer_off_is_ended_from_outside(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableImage, match="took longer than"):
        call(sandbox, "sleep", limits=Limits(wall_seconds=0.5), seconds=1000, without_timer=True)
    until(lambda: children(fork_server()) == [])


def test_a_child_that_eats_memory_is_too_large(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableImage, match="needs more memory than one file may take") as caught:
        call(sandbox, "take_memory", megabytes=700)
    assert caught.value.code is ProblemCode.TOO_LARGE


@pytest.mark.parametrize("disguised", [False, True])
def test_what_fails_in_the_small_child_for_want_of_memory_is_tried_in_the_large_one(
    sandbox: Sandbox, *, disguised: bool
) -> None:
    assert facts(sandbox, "take_memory", megabytes=10)["limit"] == 400_000_000
    told = facts(sandbox, "take_memory", megabytes=300, disguised=disguised)
    assert (told["filled"], told["limit"]) == (300_000_000, 600_000_000)


def test_large_files_go_to_the_large_child_at_once(sandbox: Sandbox) -> None:
    assert facts(sandbox, "take_memory", bytes(33_000_000), megabytes=1)["limit"] == 600_000_000


def test_no_more_than_one_child_is_large_at_a_time(sandbox: Sandbox) -> None:
    large = bytes(33_000_000)
    with ThreadPoolExecutor(3) as pool:
        spans = [told.facts for told in pool.map(lambda _: call(sandbox, "sleep", large, seconds=0.3), range(3))]
    spans.sort(key=lambda span: span["start"])
    assert all(one["end"] <= other["start"] for one, other in itertools.pairwise(spans))


def test_small_calls_are_answered_while_large_ones_run_and_wait(sandbox: Sandbox) -> None:
    large = bytes(33_000_000)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(call, sandbox, "sleep", large, seconds=2.0) for _ in range(3)]
        time.sleep(1.0)
        call(sandbox, "echo")
        assert not all(future.done() for future in waiting)


def test_no_more_children_run_at_once_than_allowed() -> None:
    single = Sandbox(preload=(HERE,), children=1)
    try:
        with ThreadPoolExecutor(3) as pool:
            spans = [told.facts for told in pool.map(lambda _: call(single, "sleep", seconds=0.2), range(3))]
    finally:
        single.stop()
    spans.sort(key=lambda span: span["start"])
    assert all(one["end"] <= other["start"] for one, other in itertools.pairwise(spans))


def test_threads_get_each_their_own_answer(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda number: facts(sandbox, "echo", number=number)["arguments"]["number"], range(40)))
    assert numbers == list(range(40))


def test_the_kernel_holds_the_limits(sandbox: Sandbox) -> None:
    assert facts(sandbox, "limits", limits=Limits(address_space_bytes=333_000_000, cpu_seconds=7)) == {
        "RLIMIT_AS": [333_000_000] * 2,
        "RLIMIT_CPU": [7, 7],
        "RLIMIT_CORE": [0, 0],
        "RLIMIT_FSIZE": [0, 0],
    }


def test_a_child_puts_no_byte_into_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    assert facts(sandbox, "write", path=str(tmp_path / "stolen"))["error"] == "OSError"
    assert [path.stat().st_size for path in tmp_path.iterdir()] in ([], [0])


def test_a_child_holds_nothing_open_but_its_connection(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(2) as pool:
        pool.submit(call, sandbox, "sleep", seconds=0.5)
        time.sleep(0.2)
        places = list(facts(sandbox, "open_descriptors").values())
    assert [place for place in places if not place.startswith("socket:")] == ["/dev/null"] * 3
    assert len(places) == 4


def test_what_decoders_print_goes_nowhere(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    call(sandbox, "chatter")
    assert capfd.readouterr() == ("", "")


def test_two_hundred_calls_leave_nothing_open_and_nothing_running(sandbox: Sandbox) -> None:
    call(sandbox, "echo")
    server = fork_server()
    gc.collect()  # what other tests left
    until(lambda: children(server) == [])
    threads = threading.active_count()
    before, server_before = descriptors(os.getpid()), open_files(server)
    for number in range(200):
        if number % 10:
            call(sandbox, "echo", b"file")
        else:
            with pytest.raises(UnreadableImage):
                call(sandbox, "leave")
    until(lambda: children(server) == [])  # an answer may come a moment before its child is waited for
    until(lambda: threading.active_count() <= threads)  # the thread that ends a slow child is not waited for
    until(lambda: descriptors(os.getpid()) <= before)
    until(lambda: open_files(server) == server_before)
    assert zombies(os.getpid()) == []


def test_a_fork_server_that_died_is_replaced(sandbox: Sandbox) -> None:
    call(sandbox, "echo")
    died = fork_server()
    os.kill(died, signal.SIGKILL)
    call(sandbox, "echo")
    assert fork_server() != died
    assert zombies(os.getpid()) == []


def test_threads_that_find_the_fork_server_dead_at_once_all_get_their_answer(sandbox: Sandbox) -> None:
    for _ in range(5):
        call(sandbox, "echo")
        os.kill(fork_server(), signal.SIGKILL)
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(lambda number: facts(sandbox, "echo", number=number), range(4)))
        assert [entry["arguments"]["number"] for entry in told] == [0, 1, 2, 3]


def test_a_fork_server_that_stopped_answering_is_replaced(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    call(sandbox, "echo")
    hung = fork_server()
    monkeypatch.setattr("radiolens.imaging.sandbox._FORK_SECONDS", 5.0)
    os.kill(hung, signal.SIGSTOP)
    call(sandbox, "echo")
    assert not is_alive(hung)


def test_stopping_ends_the_children_and_the_next_call_starts_anew() -> None:
    own = Sandbox(preload=(HERE, "json"))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call, own, "sleep", seconds=1000)
        until(lambda: own._server is not None and any(map(is_limited, children(own._server.pid))), timeout_s=60)
        own.stop()
        with pytest.raises(UnreadableImage, match="made its decoder fail"):
            running.result(timeout=20)
    assert facts(own, "echo")["pid"] > 0
    own.stop()
    own.stop()


def test_nothing_outlives_a_program_that_is_killed() -> None:
    program = f"""
from radiolens.imaging.sandbox import Sandbox
sandbox = Sandbox(preload=({HERE!r},))
sandbox.run("{HERE}:sleep", [], {{"seconds": 1000}})
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as parent:
        family: list[int] = []
        for _ in range(200):
            time.sleep(0.1)
            family = [server for server in children(parent.pid) if children(server)]
            if family:
                break
        assert family, "no child was started"
        family += children(family[0])
        parent.kill()
    for _ in range(150):
        if not any(map(is_alive, family)):
            return
        time.sleep(0.1)
    raise AssertionError("the fork server or its child still runs")


def test_a_fork_server_that_does_not_start_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    gc.collect()  # what other tests left
    before = open_files(os.getpid())
    with pytest.raises(RadiolensError, match="does not start; its messages are on standard error"):
        call(Sandbox(preload=("no_such_module",)), "echo")
    assert "no_such_module" in capfd.readouterr().err
    assert open_files(os.getpid()) == before


def test_a_system_without_fork_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(RadiolensError, match="needs Linux or macOS; on Windows use WSL"):
        call(Sandbox(preload=(HERE,)), "echo")


def test_more_bytes_than_allowed_never_reach_a_child(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableImage, match="The input has 3 MB; at most 2 MB are read") as caught:
        call(sandbox, "echo", bytes(1_500_000), bytes(1_500_000), limits=Limits(file_bytes=2_000_000))
    assert caught.value.code is ProblemCode.TOO_LARGE


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        ("unreadable", UnreadableImage, "Damaged. Export it again."),
        ("unsupported", UnsupportedImage, "A knee"),
        ("dataset", DatasetError, "A data set."),
        ("bundle", BundleError, "A bundle."),
        ("memory", UnreadableImage, "needs more memory"),
        ("recursion", UnreadableImage, "nested too deeply"),
        ("unexpected", UnreadableImage, r"could not be decoded \(ZeroDivisionError\)"),
    ],
)
def test_errors_cross_as_what_they_are(sandbox: Sandbox, error: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        call(sandbox, "fail", error=error)
    assert type(caught.value) is kind


def test_codes_cross_with_their_errors(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableImage, match="Damaged") as caught:
        call(sandbox, "fail", error="unreadable")
    assert caught.value.code is ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX
    with pytest.raises(UnsupportedImage, match="A knee") as refused:
        call(sandbox, "fail", error="unsupported")
    assert refused.value.code is ProblemCode.WRONG_BODY_PART


def test_an_unexpected_error_is_logged_once_without_what_the_file_says(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(UnreadableImage, match="could not be decoded"):
        call(sandbox, "fail", error="unexpected")
    (logged,) = caplog.messages
    assert "ZeroDivisionError" in logged
    assert "sandboxed.py" in logged
    assert "Doe" not in logged


def test_a_message_of_a_hostile_file_is_cut(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableImage, match=r"^x{500}$"):
        call(sandbox, "fail", error="long")


def test_a_result_that_is_no_json_is_an_unreadable_image(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableImage, match=r"could not be decoded \(ValueError\)"):
        call(sandbox, "odd_payload")


def head(content: object) -> bytes:
    text = json.dumps(content).encode()
    return struct.pack(">Q", len(text)) + text


ERROR = {"type": "UnreadableImage", "message": "m", "code": "unreadable", "trace": []}
LIES = {
    "nothing": b"",
    "half a length": b"\0\0\0",
    "a head of 2**63 bytes": b"\x7f" + b"\xff" * 7 + b"{}",
    "a head that ends": struct.pack(">Q", 1000) + b"{",
    "no json": struct.pack(">Q", 4) + b"\xff\xfe\0\1",
    "a pickle": struct.pack(">Q", 100) + pickle.dumps(print).ljust(100, b"\0"),
    "nested json": struct.pack(">Q", 200_000) + b"[" * 200_000,
    "a number of 10,000 digits": struct.pack(">Q", 10_000) + b"1" * 10_000,
    "a list": head([1, 2]),
    "no facts": head({"arrays": []}),
    "facts that are a list": head({"facts": [], "arrays": []}),
    "arrays that are a number": head({"facts": {}, "arrays": 4}),
    "an array of objects": head({"facts": {}, "arrays": [{"dtype": "object", "shape": [1]}]}) + bytes(8),
    "an array of records": head({"facts": {}, "arrays": [{"dtype": [["a", "O"]], "shape": [1]}]}) + bytes(8),
    "an array without shape": head({"facts": {}, "arrays": [{"dtype": "uint8"}]}),
    "an array of negative size": head({"facts": {}, "arrays": [{"dtype": "uint8", "shape": [-1, -1]}]}),
    "an array of 8 EB": head({"facts": {}, "arrays": [{"dtype": "float64", "shape": [1 << 30, 1 << 30]}]}),
    "an array of infinite size": head({"facts": {}, "arrays": [{"dtype": "uint8", "shape": [1e999]}]}),
    "an array of 9 dimensions": head({"facts": {}, "arrays": [{"dtype": "uint8", "shape": [1] * 9}]}) + b"1",
    "an array that ends": head({"facts": {}, "arrays": [{"dtype": "uint8", "shape": [1000]}]}) + bytes(10),
    "an error that is a text": head({"error": "pwned"}),
    "an error of unknown code": head({"error": ERROR | {"code": "pwned"}}),
    "an error of endless trace": head({"error": ERROR | {"trace": 5}}),
    "an error without message": head({"error": {"type": "UnreadableImage"}}),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_child_that_was_taken_over_can_only_fail(sandbox: Sandbox, lie: bytes) -> None:
    with pytest.raises(UnreadableImage, match="made its decoder fail"):
        call(sandbox, "say", lie)


def test_an_error_of_unknown_type_becomes_an_unreadable_image(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableImage, match=r"^m$"):
        call(sandbox, "say", head({"error": ERROR | {"type": "SystemExit"}}))


def test_an_error_keeps_nothing_of_the_files_alive(sandbox: Sandbox) -> None:
    lie = head({"facts": {}, "arrays": [{"dtype": "uint8", "shape": [1000]}]}) + bytes(10)
    with pytest.raises(UnreadableImage, match="made its decoder fail") as caught:
        call(sandbox, "say", lie)
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__traceback__ is None


def test_arrays_are_read_only_views_of_what_was_received(sandbox: Sandbox) -> None:
    (array,) = call(sandbox, "echo", b"abc").arrays
    np.testing.assert_array_equal(array, [97, 98, 99])


def test_there_is_one_sandbox_for_reading_images() -> None:
    assert readers_sandbox() is readers_sandbox()
