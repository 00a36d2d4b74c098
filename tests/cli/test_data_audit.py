from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles"))


def films(folder: Path, count: int = 4) -> None:
    for seed in range(count):
        rng = np.random.default_rng(seed)
        structure = cv2.GaussianBlur(rng.normal(0, 1, (240, 200)), (0, 0), 3)
        grey = np.clip(chest_film(seed=seed) * 200 + structure * 120, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{seed}.png"), grey)


def manifest(folder: Path, *rows: str) -> Path:
    file = folder / "m.csv"
    header = "path,source,patient_id,split,label:pneumonia,sha256\n"
    file.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return file


def audit(file: Path, bundle: Path, *options: object) -> Result:
    cache = file.parent / "cache"
    return CliRunner().invoke(
        cli,
        ["data", "audit", str(file), "--task", "chest-xray", "--bundle", str(bundle), "--cache", str(cache)]
        + [str(option) for option in options],
    )


def test_a_clean_set_is_clean_even_when_asked_strictly(bundle: Path, tmp_path: Path) -> None:
    films(tmp_path, 2)
    file = manifest(tmp_path, "0.png,s,1,train,1,", "1.png,s,2,test,0,")
    result = audit(file, bundle, "--strict")
    assert result.exit_code == 0, result.output
    assert "No problem and no warning." in result.stdout


def test_everything_that_is_wrong_is_told_in_all_files(bundle: Path, tmp_path: Path) -> None:
    films(tmp_path)
    mirrored = cv2.imread(str(tmp_path / "0.png"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(tmp_path / "mirrored.png"), np.asarray(mirrored)[:, ::-1])
    cv2.imwrite(str(tmp_path / "other.tiff"), np.asarray(mirrored))
    shutil.copy(tmp_path / "1.png", tmp_path / "<i>same.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "folder.png").mkdir()
    file = manifest(
        tmp_path,
        "0.png,s,1,train,1,",
        "mirrored.png,t,2,test,0,",
        "other.tiff,s,1,train,1,",
        "1.png,s,3,train,0,",
        "<i>same.png,s,4,train,0,",
        f"2.png,s,Jane Doe,train,1,{'0' * 64}",
        "3.png,s,Jane Doe,test,1,",
        "broken.png,s,5,train,1,",
        "folder.png,s,5,train,1,",
        "gone.png,s,6,train,1,",
    )
    result = audit(file, bundle, "--output", tmp_path / "out", "--groups", tmp_path / "g.csv", "--strict")
    assert result.exit_code == 1, result.output
    told = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert {(entry["path"], entry["kind"]) for entry in told["files"]} == {
        ("2.png", "changed"),
        ("broken.png", "unreadable"),
        ("folder.png", "unreadable"),
        ("gone.png", "missing"),
    }
    pairs = {(pair["first"], pair["second"]): pair for pair in told["pairs"]}
    assert {ends: (pair["copies"], pair["flip"]) for ends, pair in pairs.items()} == {
        ("0.png", "mirrored.png"): ("same picture", "left-right"),
        ("0.png", "other.tiff"): ("same pixels", "none"),
        ("1.png", "<i>same.png"): ("same file", "none"),
    }
    crossing = pairs["0.png", "mirrored.png"]
    assert crossing["contradiction"]
    assert crossing["across"] == ["split", "patient", "source"]
    assert told["leaks"][0]["part"] == "split"
    assert "PatientLeakage" in result.stdout
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 6
    assert "<i>same" not in page
    assert "Jane" not in page + result.stdout + (tmp_path / "out" / "audit.json").read_text()
    assert (tmp_path / "g.csv").read_text() == (tmp_path / "out" / "groups.csv").read_text()

    split = CliRunner().invoke(cli, ["data", "split", "chest-xray", str(file), "--check"])
    assert split.exit_code == 1, split.output


def test_json_goes_to_standard_output_alone_and_a_second_run_reads_no_image_again(bundle: Path, tmp_path: Path) -> None:
    films(tmp_path, 2)
    file = manifest(tmp_path, "0.png,s,1,train,1,", "1.png,s,2,test,0,")
    first = audit(file, bundle, "--json", "-")
    (kept,) = (tmp_path / "cache").iterdir()
    written = kept.stat().st_mtime_ns
    second = audit(file, bundle, "--json", "-")
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert json.loads(first.stdout)["clean"]
    assert kept.stat().st_mtime_ns == written


def test_a_damaged_cache_says_what_to_do(bundle: Path, tmp_path: Path) -> None:
    films(tmp_path, 1)
    file = manifest(tmp_path, "0.png,s,1,train,1,")
    audit(file, bundle)
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(b"no data base" * 1000)
    result = audit(file, bundle)
    assert result.exit_code == 1
    assert "Delete it" in result.stderr


def test_a_set_without_any_image_is_an_error(bundle: Path, tmp_path: Path) -> None:
    result = audit(manifest(tmp_path, "gone.png,s,1,train,1,"), bundle)
    assert result.exit_code == 1
    assert "none of 1 images can be read" in result.stderr


def test_an_unknown_bundle_is_wrong_usage(tmp_path: Path) -> None:
    films(tmp_path, 1)
    result = audit(manifest(tmp_path, "0.png,s,1,train,1,"), Path("nothing"))
    assert result.exit_code == 2
    assert "neither a bundle's folder nor one of" in result.stderr
