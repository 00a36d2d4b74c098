"""How fast and how large serving is: start, one prediction beside the bare runtime and Keras, memory at rest.

    .venv/bin/python benchmarks/serving.py            # about two minutes on 2 idle cores; exit code 1: a target missed

Best of five of each. The ratios are taken in one run, its parts in turn, on the same grey levels; the image is decoded
before. The ratio to the bare runtime is that of the prediction without gate; a second one says what the gate costs: the
gate network, the exposure and the distance to the training pictures. Keras runs the same architecture with fresh
weights, which cost the same. Figures of a busy machine mean nothing: with a load above half a core it stops, unless
--busy is given. Images: the first film of ../shared/data, where it is, and generated ones of 1024 and 3072 pixels on
each side (seed 0).
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from radiolens.image import Image, Source, Unit
from radiolens.imaging.preprocess import grey_levels, network_input
from radiolens.imaging.read import decode
from radiolens.imaging.resample import Slice
from radiolens.inference.gate import judge, look
from radiolens.inference.predict import Predictor
from radiolens.safety.gate import Gate
from radiolens.tasks import get_task

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("RADIOLENS_SHARED_DATA", ROOT.parent / "shared" / "data"))
TASK = "chest-xray"
SEED = 0
CALLS = 20  # in one of the repeats: the mean of them is less moved by the scheduler than one call
REST_SECONDS = 2.0  # after which the fork server has loaded its readers
ANSWERS = 10  # before memory is read a second time

FIRST_ANSWER_S, READY_S, RATIO, GATE_RATIO, MEMORY_MB = 2.5, 4.0, 1.5, 1.8, 400.0
"""The targets, on 2 cores of 2020."""


@dataclass(frozen=True)
class Row:
    """One figure; `target` is the largest that is good, None where there is none."""

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def missed(self) -> bool:
        """Say whether there is a target and the figure is above it."""
        return self.target is not None and self.value > self.target

    def __str__(self) -> str:
        """Return the line of the table."""
        verdict = "" if self.target is None else f"at most {self.target:g}: {'MISSED' if self.missed else 'met'}"
        return f"{self.name:<58} {self.value:9.2f} {self.unit:<3} {verdict}".rstrip()


def machine() -> Iterator[str]:
    """Yield what the figures depend on."""
    yield f"machine      {processor()}, {os.cpu_count()} cores, {memory_total_gb():.1f} GB, {platform.platform()}"
    yield f"load         {' '.join(f'{load:.2f}' for load in os.getloadavg())} (1, 5, 15 minutes)"
    names = ("radiolens", "numpy", "onnxruntime", "pillow", "pydicom", "uvicorn")
    yield f"versions     python {platform.python_version()}, " + ", ".join(f"{n} {metadata.version(n)}" for n in names)
    yield f"seed         {SEED}"


def processor() -> str:
    """Return the processor's name as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def memory_total_gb() -> float:
    """Return the memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def film_file(folder: Path) -> Path:
    """Return the first real film, or a generated one in `folder`."""
    found = sorted((SHARED / TASK / "images" / "guangzhou" / "test").rglob("*.jpeg"))
    if found:
        return found[0]
    file = folder / "film.png"
    PIL.Image.fromarray(np.rint(generated(1024) * 255).astype(np.uint8)).save(file)
    return file


def generated(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return a film-like picture (side, side) in 0 to 1: a bright body, two dark lungs, noise."""
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    body = np.exp(-(((x - 0.5) / 0.45) ** 4) - ((y - 0.55) / 0.6) ** 6)
    lungs = sum(np.exp(-(((x - centre) / 0.13) ** 2) - ((y - 0.45) / 0.25) ** 2) for centre in (0.3, 0.7))
    noise = np.random.default_rng(SEED).normal(0.0, 0.02, (side, side))
    return np.clip(0.9 * body - 0.6 * lungs + noise, 0.0, 1.0).astype(np.float32)


def best_means(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Return for each call its least mean time over the repeats in seconds; the calls take turns."""
    for call in calls:
        call()
    best = [float("inf")] * len(calls)
    for _ in range(repeats):
        total = [0.0] * len(calls)
        for _ in range(CALLS):
            for number, call in enumerate(calls):
                start = time.perf_counter()
                call()
                total[number] += time.perf_counter() - start
        best = [min(old, new / CALLS) for old, new in zip(best, total, strict=True)]
    return best


def prediction_rows(film: Path, repeats: int) -> Iterator[Row]:
    """Yield the time of a prediction with heat map, without and with gate, of the bare runtime, and the ratios.

    A generated film would be refused before its network runs: all steps of a prediction are taken, whatever they say.
    """
    predictor = Predictor.open(gate=Gate.FULL)
    engine, network = predictor.engine(TASK), predictor.shelf.gate()
    task = get_task(TASK)
    session = engine._session  # the bare runtime is what this measures against
    images = {f"real film {film.name}": decode([film.read_bytes()])}
    for side in (1024, 3072):
        images[f"generated film of {side} pixels"] = Image(generated(side)[None], Unit.UNIT_INTERVAL, Source("png"))
    for name, image in images.items():
        grey = grey_levels(image.pixels[0], image.unit, engine.bundle.preprocessing)[None]
        fed = {"image": network_input(grey, engine.bundle.preprocessing)}
        pooled = engine.run(grey)[1].mean(axis=(1, 2))

        def gated(image: Image = image, pooled: NDArray[np.float32] = pooled) -> None:
            slices = [Slice(pixels) for pixels in image.pixels]
            judge(image, task, Gate.FULL, look(image, network, slices) if network else None)
            if engine.reference:
                engine.reference.is_unlike(pooled[0])
            predictor._answer(image, slices, engine, gate=False, explain=True)

        bare, answer, checked = best_means(
            [
                lambda fed=fed: session.run(["logits", "features"], fed),
                lambda image=image: predictor.predict_image(image, TASK, gate=False),
                gated,
            ],
            repeats,
        )
        yield Row(f"bare runtime, {name}", bare * 1e3, "ms")
        yield Row(f"prediction without decoding, {name}", answer * 1e3, "ms")
        yield Row(f"ratio, {name}", answer / bare, "", RATIO)
        yield Row(f"prediction with gate, {name}", checked * 1e3, "ms")
        yield Row(f"with gate over without, {name}", checked / answer, "", GATE_RATIO)


def keras_rows(repeats: int) -> Iterator[Row]:
    """Yield the time of Keras on one image of the same architecture; nothing without the extra [train]."""
    if importlib.util.find_spec("tensorflow") is None:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no remarks between the figures
    from radiolens.training.config import Experiment  # noqa: PLC0415  its threads would move the ratios
    from radiolens.training.model import build_classifier  # noqa: PLC0415  as above

    engine = Predictor.open().engine(TASK)
    experiment = Experiment(TASK, TASK, (), preprocessing=engine.bundle.preprocessing)
    model = build_classifier(experiment, len(engine.bundle.labels), pretrained=False)
    picture = np.random.default_rng(SEED).integers(0, 256, (1, 224, 224), np.uint8)
    image = network_input(picture, engine.bundle.preprocessing)
    bare, keras = best_means([lambda: engine.run(picture), lambda: model.predict(image, verbose=0)], repeats)
    yield Row("Keras predict() on one image", keras * 1e3, "ms")
    yield Row("Keras predict() over the engine, same run", keras / bare, "")


def first_answer_seconds(film: Path) -> float:
    """Return the time from the start of `radiolens predict` to its first line."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "radiolens", "predict", str(film), "--task", TASK, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:  # noqa: S603  our own program
        assert process.stdout is not None  # noqa: S101  it is a pipe
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
    # The gate refuses a generated film, and rightly so: then this is the time to a refusal.
    expected = b'"answered"' if film.is_relative_to(SHARED) else b'"refused"'
    if expected not in line:
        raise SystemExit(f"radiolens predict: expected {expected!r} for {film}, found {line!r}")
    return seconds


def environment() -> dict[str, str]:
    """Return the environment of the programs: with the whole gate, whatever the caller has set."""
    return {**os.environ, "RADIOLENS_GATE": Gate.FULL.value}


@contextmanager
def server() -> Iterator[tuple[int, int, float]]:
    """Start the web app; give its process id, its port and the seconds until it was ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.perf_counter()
    command = [sys.executable, "-m", "radiolens", "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment()) as process:  # noqa: S603  our own program
        try:
            while not ready(port):
                if process.poll() is not None or time.perf_counter() - start > 120:
                    raise SystemExit("radiolens serve did not become ready; run it by hand to see why")
                time.sleep(0.005)
            yield process.pid, port, time.perf_counter() - start
        finally:
            process.send_signal(signal.SIGINT)


def ready(port: int) -> bool:
    """Say whether the app answers that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def post(port: int, film: Path) -> None:
    """Have the app answer a film."""
    limit = "----radiolens"
    head = (
        f'--{limit}\r\nContent-Disposition: form-data; name="task"\r\n\r\n{TASK}\r\n'
        f'--{limit}\r\nContent-Disposition: form-data; name="file"; filename="film"\r\n\r\n'
    )
    body = head.encode() + film.read_bytes() + f"\r\n--{limit}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/api/v1/predictions", body, {"Content-Type": f"multipart/form-data; boundary={limit}"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"the app answered {answer.status}: {answer.read()[:300]!r}")
    connection.close()


def memory_mb(pid: int, field: str) -> float:
    """Return a field of smaps_rollup (Rss; Pss shares common pages out) of a process and all below it."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    own = sum(int(line.split()[1]) for line in rollup if line.startswith(f"{field}:")) * 1024 / 1e6
    children = (Path(entry) for entry in Path(f"/proc/{pid}/task").glob("*/children"))
    below = {int(child) for file in children for child in file.read_text(encoding="utf-8").split()}
    return own + sum(memory_mb(child, field) for child in below)


def server_rows(film: Path, repeats: int) -> Iterator[Row]:
    """Yield the start of the app and its memory, with the fork server, at rest and after some answers."""
    seconds = []
    for _ in range(repeats):
        with server() as (_, _, taken):
            seconds.append(taken)
    yield Row("server, process start to /readyz", min(seconds), "s", READY_S)
    with server() as (pid, port, _):
        time.sleep(REST_SECONDS)
        yield Row("server at rest, resident memory, with fork server", memory_mb(pid, "Rss"), "MB", MEMORY_MB)
        yield Row("  of which its own share (PSS)", memory_mb(pid, "Pss"), "MB")
        for _ in range(ANSWERS):
            post(port, film)
        time.sleep(REST_SECONDS)
        yield Row(f"server at rest after {ANSWERS} answers", memory_mb(pid, "Rss"), "MB")


def rows(film: Path, repeats: int, *, keras: bool) -> Iterator[Row]:
    """Yield every figure."""
    answers = [first_answer_seconds(film) for _ in range(repeats)]
    yield Row("radiolens predict, process start to first answer", min(answers), "s", FIRST_ANSWER_S)
    yield from server_rows(film, repeats)
    yield from prediction_rows(film, repeats)
    if keras:
        yield from keras_rows(repeats)


def main() -> int:
    """Print the figures; return 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="of which the best counts; default 5")
    parser.add_argument("--busy", action="store_true", help="measure although the machine has other work")
    parser.add_argument("--without-keras", action="store_true", help="leave out the comparison, which loads TensorFlow")
    arguments = parser.parse_args()
    print("\n".join(machine()), flush=True)
    if os.getloadavg()[0] > 0.5:
        warning = "The machine is busy (load above 0.5): these figures say nothing about an idle one."
        if not arguments.busy:
            print(f"{warning} Wait a minute, or give --busy.", file=sys.stderr)
            return 2
        print(warning)
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(film_file(Path(folder)), arguments.repeats, keras=not arguments.without_keras):
            print(row, flush=True)
            missed |= row.missed
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
