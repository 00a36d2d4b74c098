"""What becomes of films that were photographed from a screen, and which others are taken for such.

Command: python -m benchmarks.photographed ../shared/data
Runtime: six minutes on two cores.
Result: the table "Photographs of a screen" of docs/safety.md. Seed 0.

Films without tuberculosis of the validation splits, not more than 40 of a source, each photographed at every share of
the height that the film takes: from the front with a hand's unsteadiness, a black rim of the screen, a dark or bright
room, a reflection, a little blur and noise. All of it is drawn: no real photograph of a screen is among the
collections. No test split is read.
"""

from __future__ import annotations

import argparse
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from radiolens.cli.collection import open_collection
from radiolens.data.manifest import Case, Manifest
from radiolens.evaluation.intervals import share_interval
from radiolens.image import Unit
from radiolens.imaging.read import decode
from radiolens.inference.predict import Predictor
from radiolens.prediction import Prediction
from radiolens.safety.gate import Gate
from radiolens.safety.surroundings import check_surroundings

__all__ = ["photographed"]

SEED = 0
TASK, LABEL = "chest-xray", "tuberculosis"
MOST_OF_SOURCE = 40
FILLED = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
"""Shares of the photograph's height that the film takes."""
ROOMS = {"dark": (0.0, 50.0), "bright": (150.0, 240.0)}
"""How bright the rooms are, of 255."""
ROWS, COLUMNS = 720, 960

Grey = NDArray[np.uint8]


def photographed(film: Grey, filled: float, room: tuple[float, float], random: np.random.Generator) -> Grey:
    """Return a photograph (720, 960) of a film (rows, columns) on a screen in a room from so dark to so bright."""
    height = filled * ROWS
    width = height * film.shape[1] / film.shape[0]
    middle = np.array([COLUMNS / 2, ROWS / 2])
    corners = middle + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    corners += random.uniform(-0.03, 0.03, (4, 2)) * height
    scene = np.full((ROWS, COLUMNS), random.uniform(*room), np.float32)
    rim = middle + 1.08 * (corners - middle)
    cv2.fillConvexPoly(scene, np.rint(rim).astype(np.int32), 5.0)
    edges = np.array([[0, 0], [film.shape[1], 0], [film.shape[1], film.shape[0]], [0, film.shape[0]]], np.float32)
    move = cv2.getPerspectiveTransform(edges, corners.astype(np.float32))
    shown = cv2.warpPerspective(film.astype(np.float32) * 0.85 + 15, move, (COLUMNS, ROWS))
    screen = cv2.warpPerspective(np.ones(film.shape, np.float32), move, (COLUMNS, ROWS)) > 0.5
    scene[screen] = shown[screen]
    place = random.uniform(0, 1, 2) * [ROWS, COLUMNS]
    down, across = np.mgrid[:ROWS, :COLUMNS]
    reflection = np.exp(-(((down - place[0]) / 150) ** 2) - ((across - place[1]) / 200) ** 2)
    scene = cv2.GaussianBlur(scene + random.uniform(0, 60) * reflection.astype(np.float32), (0, 0), 1.0)
    return np.clip(np.rint(scene + random.normal(0, 3, scene.shape)), 0, 255).astype(np.uint8)


def main() -> None:
    """Print the share of genuine films that are taken for photographs, and the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of the collections")
    manifest = open_collection(parser.parse_args().data / TASK, TASK)
    genuine = [case for case in manifest.cases if case.split in ("train", "validation")]
    framed = [_framed(_grey(manifest, case)) for case in genuine]
    print(f"of {len(framed)} films for training and validation taken for photographs: {sum(framed)}\n")
    chosen = list(_chosen(genuine))
    print(f"{len(chosen)} films, each in all rows, seed {SEED}\n")
    print("| room | film, of the height | refused for the room | called ill without that | called ill |")
    print("|---|---|---|---|---|")
    bare, gated = Predictor.open(gate=Gate.HEADER), Predictor.open()
    for (name, room), filled in itertools.product(ROOMS.items(), FILLED):
        random = np.random.default_rng(SEED)
        pictures = (photographed(_grey(manifest, case), filled, room, random) for case in chosen)
        told = [_told(picture, bare, gated) for picture in pictures]
        cells = [_share(column) for column in zip(*told, strict=True)]
        print(f"| {name} | {filled:g} | {' | '.join(cells)} |", flush=True)


def _chosen(cases: Sequence[Case]) -> Iterator[Case]:
    """Yield validation films that show no tuberculosis: annotated so, or of a source that has none."""
    healthy = [case for case in cases if case.split == "validation" and case.labels.get(LABEL) != 1]
    random = np.random.default_rng(SEED)
    for source in sorted({case.source for case in healthy}):
        own = [case for case in healthy if case.source == source]
        yield from (own[place] for place in random.permutation(len(own))[:MOST_OF_SOURCE])


def _grey(manifest: Manifest, case: Case) -> Grey:
    return np.rint(decode([manifest.path(case).read_bytes()]).pixels[0] * 255).astype(np.uint8)


def _framed(grey: Grey) -> bool:
    return any(check_surroundings(grey.astype(np.float32) / np.float32(255), Unit.UNIT_INTERVAL))


def _told(grey: Grey, bare: Predictor, gated: Predictor) -> tuple[bool, bool, bool]:
    """Return whether the room speaks against an answer, whether it were ill if that did not, and whether it is."""
    content = io.BytesIO()
    PIL.Image.fromarray(grey).save(content, "JPEG", quality=90)
    image = decode([content.getvalue()])
    room = any(check_surroundings(image.pixels[0], image.unit))
    found = gated.predict_image(image, TASK).quality.problems
    ill = _called(bare.predict_image(image, TASK))
    return room, ill and len(found) <= room, ill and not found


def _called(prediction: Prediction) -> bool:
    return any(finding.label == LABEL and finding.presence.value == "present" for finding in prediction.findings)


def _share(values: Sequence[bool]) -> str:
    found = share_interval(sum(values), len(values))
    return f"{found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})"


if __name__ == "__main__":
    main()
