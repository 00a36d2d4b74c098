"""The work list under load: many users at once, and as fast as it goes; beside it what two processes do without it.

    .venv/bin/python benchmarks/reading_room.py      # about five minutes on 2 idle cores; exit code 1: a target missed

1. One user sends a film every 5 s, and waits for each answer: the time from sending to the answer, and its 95th
   percentile.
2. Twenty users do so at once, for a minute. Wanted: no error, each answer that of its own film (compared with the
   answer of the network in this process), the 95th percentile at most 5 times that of one user.
3. Closed loop: a batch is sent, and the time until all of it is answered, against two processes that score the same
   films with `Predictor.predict`, decoding in the sandbox as the server does, in turn with the batches; the best of
   each counts. Wanted: at least 0.8 of their throughput.
4. The server's memory after the first batch and after several more. Wanted: flat.

The films are the first of ../shared/data, where it is, and generated ones otherwise, each with a mark of its own, so
that no two are the same. Every figure is of one run on the machine that is printed with it; a busy one is refused
unless --busy is given.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import PIL.Image
import PIL.ImageDraw

from radiolens.inference.predict import Predictor
from radiolens.inference.record import record
from radiolens.safety.gate import Gate

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("RADIOLENS_SHARED_DATA", ROOT.parent / "shared" / "data"))
TASK = "chest-xray"
USERS, EVERY_S, MINUTE_S = 20, 5.0, 60.0
BATCH, BATCHES, IN_A_REQUEST = 400, 3, 20
P95_RATIO, THROUGHPUT_RATIO, GROWTH_MB = 5.0, 0.8, 40.0
"""The targets; memory may grow by what allocators keep for the next batch."""
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Film:
    """A film and the findings that the network gives it."""

    data: bytes
    findings: Sequence[Mapping[str, Any]]


@dataclass
class Load:
    """What the users saw: seconds from sending to answer, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    mixed_up: int = 0

    @property
    def p95(self) -> float:
        """Return the 95th percentile of the seconds."""
        return float(np.quantile(self.seconds, 0.95)) if self.seconds else float("nan")


def films(count: int, predictor: Predictor) -> list[Film]:
    """Return different films with their answers: real ones with a mark in a corner, or generated ones."""
    files = sorted((SHARED / TASK / "images" / "guangzhou" / "test").rglob("*.jpeg"))[:count]
    pictures = [PIL.Image.open(file).convert("L") for file in files] or [generated()]
    found = []
    for number in range(count):
        picture = pictures[number % len(pictures)].copy()
        PIL.ImageDraw.Draw(picture).text((4, 4), str(number), fill=200)
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=90)
        data = stream.getvalue()
        found.append(Film(data, findings(record("", predictor.predict([data], TASK, explain=False)))))
    return found


def findings(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what is compared of an answer: its findings, or its problems' codes."""
    return list(content["findings"]) or [{"problem": entry["code"]} for entry in content["problems"]]


def generated(side: int = 1024) -> PIL.Image.Image:
    """Return a film-like picture: a bright body, two dark lungs, noise (seed 0)."""
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    body = np.exp(-(((x - 0.5) / 0.45) ** 4) - ((y - 0.55) / 0.6) ** 6)
    lungs = sum(np.exp(-(((x - centre) / 0.13) ** 2) - ((y - 0.45) / 0.25) ** 2) for centre in (0.3, 0.7))
    noise = np.random.default_rng(0).normal(0.0, 0.02, (side, side))
    grey = np.clip(0.9 * body - 0.6 * lungs + noise, 0.0, 1.0)
    return PIL.Image.fromarray(np.rint(grey * 255).astype(np.uint8))


@contextmanager
def server(home: Path, gate: Gate) -> Iterator[tuple[int, str]]:
    """Start the app with a home of its own; give its process id and address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "RADIOLENS_HOME": str(home), "RADIOLENS_GATE": gate.value}
    command = [sys.executable, "-m", "radiolens", "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:  # noqa: S603  our own program
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE_S
        try:
            while not ready(address):
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit("radiolens serve did not become ready; run it by hand to see why")
                time.sleep(0.05)
            yield process.pid, address
        finally:
            process.send_signal(signal.SIGINT)


def ready(address: str) -> bool:
    """Say whether the app answers that it is ready."""
    try:
        return httpx2.get(f"{address}/readyz", timeout=10).status_code == 200
    except httpx2.TransportError:
        return False


def send(client: httpx2.Client, *sent: Film) -> list[str]:
    """Send films, and return the cases in their order."""
    files = [("file", (f"{number}.jpeg", film.data)) for number, film in enumerate(sent)]
    answer = client.post("/api/v1/cases", files=files, data={"task": TASK})
    answer.raise_for_status()
    names = {case["images"][0]["name"]: case["case_id"] for case in answer.json()["cases"]}
    return [names[f"{number}.jpeg"] for number in range(len(sent))]


def answered(client: httpx2.Client, case_id: str) -> Mapping[str, Any]:
    """Wait for the answer of a case, asking for its progress every 100 ms, and return its image."""
    end = time.monotonic() + PATIENCE_S
    while True:
        progress = client.get(f"/api/v1/cases/{case_id}/progress")
        progress.raise_for_status()
        if progress.json()["done"]:
            break
        if time.monotonic() > end:
            raise TimeoutError(f"no answer within {PATIENCE_S:.0f} s")
        time.sleep(0.1)
    answer = client.get(f"/api/v1/cases/{case_id}")
    answer.raise_for_status()
    (image,) = answer.json()["images"]
    found: Mapping[str, Any] = image
    return found


def user(address: str, mine: Sequence[Film], every_s: float, load: Load, start: float) -> None:
    """Send one film after the other, every so many seconds from `start` on, and check each answer."""
    with httpx2.Client(base_url=address, timeout=PATIENCE_S) as client:
        for number, film in enumerate(mine):
            time.sleep(max(0.0, start + number * every_s - time.monotonic()))
            sent = time.monotonic()
            try:
                (case_id,) = send(client, film)
                image = answered(client, case_id)
            except (httpx2.HTTPError, TimeoutError) as error:
                load.errors.append(str(error))
                continue
            load.seconds.append(time.monotonic() - sent)
            load.mixed_up += findings(image["prediction"] or {"findings": [], "problems": image["problems"]}) != list(
                film.findings
            )


def users(address: str, sent: Sequence[Film], count: int, each: int, every_s: float) -> Load:
    """Let some users send `each` films; they begin one after the other within the interval."""
    load, start = Load(), time.monotonic()
    threads = [
        threading.Thread(
            target=user,
            args=(
                address,
                [sent[(place * each + number) % len(sent)] for number in range(each)],
                every_s,
                load,
                start + place * every_s / count,
            ),
        )
        for place in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load


def batch_seconds(address: str, sent: Sequence[Film]) -> float:
    """Return the seconds from sending a batch, some films in a request, to its last answer."""
    with httpx2.Client(base_url=address, timeout=PATIENCE_S) as client:
        start = time.monotonic()
        for place in range(0, len(sent), IN_A_REQUEST):
            last = send(client, *sent[place : place + IN_A_REQUEST])[-1]
        for route, done in (
            (f"/api/v1/cases/{last}/progress", lambda told: told["done"]),
            ("/api/v1/cases?size=1", lambda told: not told["progress"]["queued"] + told["progress"]["scoring"]),
        ):
            while not done(client.get(route).json()):
                if time.monotonic() - start > PATIENCE_S:
                    raise SystemExit("the batch was not finished in time")
                time.sleep(0.25)  # asking takes time from judging
        return time.monotonic() - start


def in_process_seconds(sent: Sequence[Film], gate: Gate, workers: int = 2) -> float:
    """Return the seconds in which some processes score films, each its share, without server and work list."""
    context = multiprocessing.get_context("spawn")
    start, end = context.Barrier(workers + 1), context.Barrier(workers + 1)
    shares = [[film.data for film in sent[place::workers]] for place in range(workers)]
    processes = [context.Process(target=score, args=(share, gate.value, start, end)) for share in shares]
    for process in processes:
        process.start()
    start.wait(PATIENCE_S)
    began = time.monotonic()
    end.wait(PATIENCE_S)
    seconds = time.monotonic() - began
    for process in processes:
        process.join()
    return seconds


def score(share: Sequence[bytes], gate: str, start: Barrier, end: Barrier) -> None:
    """Score films in this process, with one thread, as two such processes have two cores."""
    predictor = Predictor.open(threads=1, gate=Gate(gate))
    predictor.predict([share[0]], TASK)
    start.wait(PATIENCE_S)
    for data in share:
        predictor.predict([data], TASK)
    end.wait(PATIENCE_S)


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and all below it."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    own = sum(int(line.split()[1]) for line in rollup if line.startswith("Rss:")) * 1024 / 1e6
    children = (Path(entry) for entry in Path(f"/proc/{pid}/task").glob("*/children"))
    below = {int(child) for file in children for child in file.read_text(encoding="utf-8").split()}
    return own + sum(memory_mb(child) for child in below)


@dataclass(frozen=True)
class Sizes:
    """How much is sent: users, the films of each, the seconds between two, the films of a batch, and batches."""

    users: int = USERS
    each: int = int(MINUTE_S / EVERY_S)
    every_s: float = EVERY_S
    batch: int = BATCH
    batches: int = BATCHES


def measure(sizes: Sizes, gate: Gate, home: Path) -> dict[str, Any]:
    """Return all figures."""
    predictor = Predictor.open(threads=1, gate=gate)
    sent = films(max(sizes.batch, sizes.users), predictor)
    with server(home, gate) as (pid, address):
        users(address, sent[:2], 1, 2, 0.0)  # warm
        one = users(address, sent, 1, sizes.each, sizes.every_s)
        many = users(address, sent, sizes.users, sizes.each, sizes.every_s)
        batches, memory, bare = [], [], []
        for _ in range(sizes.batches):
            batches.append(batch_seconds(address, sent[: sizes.batch]))
            time.sleep(2.0)
            memory.append(memory_mb(pid))
            bare.append(in_process_seconds(sent[: sizes.batch], gate))
    return {
        "one user: answers": len(one.seconds),
        "one user: p95 s": one.p95,
        "many users: answers": len(many.seconds),
        "many users: errors": len(one.errors) + len(many.errors),
        "many users: mix-ups": one.mixed_up + many.mixed_up,
        "many users: p95 s": many.p95,
        "p95, many over one": many.p95 / one.p95,
        "closed loop: films/s, best batch": sizes.batch / min(batches),
        "two processes: films/s, best": sizes.batch / min(bare),
        "closed loop over two processes": min(bare) / min(batches),
        "memory after the first batch, MB": memory[0],
        "memory after the last batch, MB": memory[-1],
    }


def missed(figures: Mapping[str, Any]) -> list[str]:
    """Return the targets that were missed."""
    held = {
        "no error": figures["many users: errors"] == 0,
        "no mix-up": figures["many users: mix-ups"] == 0,
        f"p95 at most {P95_RATIO:g} times": figures["p95, many over one"] <= P95_RATIO,
        f"throughput at least {THROUGHPUT_RATIO:g}": figures["closed loop over two processes"] >= THROUGHPUT_RATIO,
        f"memory within {GROWTH_MB:g} MB": figures["memory after the last batch, MB"]
        <= figures["memory after the first batch, MB"] + GROWTH_MB,
    }
    return [name for name, true in held.items() if not true]


def main() -> int:
    """Print the figures; return 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", action="store_true", help="measure although the machine has other work")
    parser.add_argument("--short", action="store_true", help="a few films and seconds, to see that it runs")
    parser.add_argument("--gate", type=Gate, default=Gate.FULL, choices=list(Gate), help="default full")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if os.getloadavg()[0] > 0.5 and not arguments.busy:
        print("The machine is busy (load above 0.5). Wait a minute, or give --busy.", file=sys.stderr)
        return 2
    sizes = Sizes(users=3, each=2, every_s=0.5, batch=6, batches=2) if arguments.short else Sizes()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(sizes, arguments.gate, Path(folder) / "home")
    if arguments.json:
        print(json.dumps(figures))
    else:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, {sizes}, gate {arguments.gate.value}")
        for name, value in figures.items():
            print(f"{name:<40} {value:10.2f}" if isinstance(value, float) else f"{name:<40} {value:10d}")
    for name in missed(figures):
        print(f"MISSED: {name}", file=sys.stderr)
    return int(bool(missed(figures)))


if __name__ == "__main__":
    sys.exit(main())
