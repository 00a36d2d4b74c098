"""What gate bundles say of the validation pictures of the gate's recipe, as they are and with a generated defect.

    .venv/bin/python -m benchmarks.gate_on_validation ../shared/data src/radiolens/bundles/gate/0.5.0   # half a minute

Last come the films and brain MR once more, turned by a quarter, a half and three quarters. Head CT is left out, since
some of it lies on its side rightly.

The first look alone, by the limits of each bundle. They were chosen on these very pictures, so this compares recipes
and foretells nothing of a new hospital. An older bundle is brought back by
`git archive 0ead7af src/radiolens/bundles/gate/0.4.0 | tar -x -C /tmp`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.gate_left_out import Row
from radiolens.cli.stages import stage_progress
from radiolens.imaging.preprocess import network_input
from radiolens.inference.gate_bundle import read_gate
from radiolens.inference.session import open_session
from radiolens.safety.sight import Kind
from radiolens.training.gate.recipe import validation_samples
from radiolens.training.gate.samples import DEFECT_NAMES, KINDS, PREPROCESSING, Sample


def main() -> None:
    """Print a line for each bundle, defect and source, and one for all sources."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of the collections")
    parser.add_argument("gates", type=Path, nargs="+", help="folders of gate bundles")
    given = parser.parse_args()
    planned, progress, samples = validation_samples(given.data), stage_progress(sys.stderr), []
    for sample in planned.samples:
        samples.append(sample)
        progress("making validation pictures", len(samples), planned.count)
    for folder in given.gates:
        print(folder)
        for row in rows(samples, refused_by(folder, samples)):
            print(row.line(), flush=True)
        for quarters in (1, 2, 3):
            turned = turned_by(quarters, samples)
            for row in turned_rows(90 * quarters, turned, refused_by(folder, turned)):
                print(row.line(), flush=True)


def turned_by(quarters: int, samples: Sequence[Sample]) -> list[Sample]:
    """Return the genuine samples without head CT, turned counter-clockwise by quarters."""
    chosen = [sample for sample in samples if sample.family == "genuine" and sample.kind is not Kind.BRAIN_CT]
    return [replace(sample, seen=np.ascontiguousarray(np.rot90(sample.seen, quarters))) for sample in chosen]


def turned_rows(degrees: int, turned: Sequence[Sample], refused: NDArray[np.bool_]) -> Iterator[Row]:
    """Yield for each source, and all, what share of turned samples is refused as rotated; `refused` is (n, defects)."""
    sources = np.array([sample.source for sample in turned])
    yield from _by_source(f"turned by {degrees} degrees", "rotated", sources, refused)


def refused_by(folder: Path, samples: Sequence[Sample]) -> NDArray[np.bool_]:
    """Return which samples (n, defects) the first look of a gate refuses, in the order of DEFECT_NAMES."""
    gate, session = read_gate(folder).bundle, open_session(folder / "model.onnx")
    asked = (network_input(sample.seen[np.newaxis], PREPROCESSING) for sample in samples)
    logits = np.concatenate([session.run(["logits"], {"image": image})[0] for image in asked])[:, len(KINDS) :]
    scores = expit(logits / [gate.temperature[name] for name in DEFECT_NAMES])
    return np.asarray(scores >= [gate.refuse_from[name] for name in DEFECT_NAMES], np.bool_)


def rows(samples: Sequence[Sample], refused: NDArray[np.bool_]) -> Iterator[Row]:
    """Yield for each defect, and each source with it and all together, what share is refused for it."""
    families, sources = (np.array([getattr(sample, name) for sample in samples]) for name in ("family", "source"))
    for name in DEFECT_NAMES:
        for family in (name, "genuine"):
            of = families == family
            yield from _by_source(family, name, sources[of], refused[of])


def _by_source(shown: str, name: str, sources: NDArray[np.str_], refused: NDArray[np.bool_]) -> Iterator[Row]:
    """Yield for each source, and all together, what share of pictures is refused for a defect."""
    column = refused[:, DEFECT_NAMES.index(name)]
    for source in (*sorted(set(sources.tolist())), "all"):
        own = column[(sources == source) | (source == "all")]
        yield Row(f"{shown}, {source}", len(own), {f"refused as {name}": float(own.mean())})


if __name__ == "__main__":
    main()
