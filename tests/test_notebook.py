"""What a notebook asks for, that it is loaded only then, and the notebook of the documentation itself."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import numpy as np
import PIL.Image
import pytest
from nbclient import NotebookClient

import radiolens
from radiolens.bundle import RELEASED, find_bundles, read_bundle
from radiolens.errors import BundleError, UnknownBundle, UnreadableImage
from radiolens.imaging.preprocess import grey_levels
from radiolens.prediction import Presence
from tests.phantoms import MR, chest_film, dicom, head_slice
from tests.project.source_tree import PACKAGE, ROOT
from tests.shared_data import SHARED, needs_shared_data
from tests.tiny_bundle import make_bundle, make_imported

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("film") / "film.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def opened(folder: Path) -> radiolens.OpenBundle:
    return radiolens.open_bundle(folder)


def save(file: Path, seed: int = 0) -> Path:
    PIL.Image.fromarray(np.rint(chest_film(seed=seed) * 255).astype(np.uint8)).save(file)
    return file


def slices(count: int) -> list[bytes]:
    """Return the files of one MR series."""
    return [
        dicom(
            (head_slice(height=number / 10) + 1000).astype(np.uint16),
            SOPClassUID=MR,
            Modality="MR",
            SOPInstanceUID=f"1.2.3.{number}",
            InstanceNumber=number,
            ImagePositionPatient=[0, 0, 5 * number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[1, 1],
        )
        for number in range(count)
    ]


def test_importing_radiolens_loads_nothing_but_itself() -> None:
    script = "import sys, radiolens; print(sorted(name for name in sys.modules if name.startswith('radiolens')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['radiolens']"


@pytest.mark.parametrize("module", ["radiolens", "radiolens.evaluation"])
def test_every_public_name_is_loaded_when_asked_for_and_known_to_type_checkers(module: str) -> None:
    package = import_module(module)
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    place = PACKAGE.joinpath(*module.split(".")[1:], "__init__.py")
    (block,) = (node for node in ast.parse(place.read_text()).body if isinstance(node, ast.If))
    told = {
        (alias.name, node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert {name for name, _ in told} == set(package.__all__) - {"__version__"}
    for name, home in told:
        assert getattr(package, name) is getattr(import_module(str(home)), name)
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nothing'"):
        _ = package.nothing


def test_an_image_is_read_from_a_file_a_folder_and_a_zip_of_one_series(film: Path, tmp_path: Path) -> None:
    image = radiolens.read_image(film)
    assert (image.pixels.shape, image.source.format) == ((1, 240, 200), "png")
    series = tmp_path / "series"
    series.mkdir()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for number, data in enumerate(slices(5)):
            (series / f"{number}.dcm").write_bytes(data)
            writer.writestr(f"{number}.dcm", data)
    (tmp_path / "series.zip").write_bytes(archive.getvalue())
    for place in (series, str(tmp_path / "series.zip")):
        volume = radiolens.read_image(place)
        assert (volume.slice_count, volume.modality) == (5, "MR")


def test_a_path_without_image_or_with_several_is_refused(film: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage):
        radiolens.read_image(tmp_path / "none.png")
    for number in range(2):
        save(tmp_path / f"{number}.png")
    with pytest.raises(UnreadableImage, match="holds 2 images or series, expected one"):
        radiolens.read_image(tmp_path)


def test_a_bundle_answers_a_path_as_it_does_the_image(opened: radiolens.OpenBundle, film: Path) -> None:
    by_path = opened.predict(film)
    assert by_path.findings == opened.predict(radiolens.read_image(film)).findings
    assert by_path.bundle == opened.identity
    assert [finding.label for finding in by_path.findings] == list(opened.labels)
    assert opened.predict(film, explain=False).explanation is None


def test_probabilities_are_those_of_the_answer(opened: radiolens.OpenBundle, film: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other.png", 5)
    found = opened.probabilities([film, radiolens.read_image(other)])
    for row, place in zip(found, (film, other), strict=True):
        assert row.tolist() == pytest.approx([finding.probability for finding in opened.predict(place).findings])
    assert opened.probabilities([]).shape == (0, 2)


def test_features_lead_through_the_head_to_the_probabilities(opened: radiolens.OpenBundle, film: Path) -> None:
    features = opened.features([film])
    assert features.shape == (1, opened.engine.head_kernel.shape[0])
    logits = features @ opened.engine.head_kernel + opened.engine.head_bias
    assert opened.engine.probabilities(logits) == pytest.approx(opened.probabilities([film]), abs=1e-5)
    assert opened.features([]).shape == (0, features.shape[1])


def test_a_volume_is_the_mean_over_its_slices(tmp_path: Path) -> None:
    for number, data in enumerate(slices(4)):
        (tmp_path / f"{number}.dcm").write_bytes(data)
    volume = radiolens.read_image(tmp_path)
    brain = radiolens.open_bundle(make_bundle(tmp_path / "bundles", "brain-mri"))
    grey = [grey_levels(pixels, volume.unit, brain.bundle.preprocessing) for pixels in volume.pixels]
    logits, features = brain.engine.run(np.stack(grey))
    assert brain.features([volume])[0] == pytest.approx(features.mean(axis=(0, 1, 2)), abs=1e-5)
    assert brain.probabilities([volume])[0] == pytest.approx(brain.engine.probabilities(logits).mean(axis=0))
    assert len(volume.pixels) > 1


def test_a_network_without_feature_map_says_that_it_has_no_features(film: Path, tmp_path: Path) -> None:
    opened = radiolens.open_bundle(make_imported(tmp_path))
    assert opened.probabilities([film]).shape == (1, 4)
    with pytest.raises(BundleError, match="has no feature map"):
        opened.features([film])


def test_a_heat_map_is_a_picture_of_the_slice(opened: radiolens.OpenBundle, film: Path) -> None:
    image = radiolens.read_image(film)
    prediction = opened.predict(image)
    picture = radiolens.heat_map(image, prediction, "pneumonia")
    assert (picture.shape, picture.dtype) == ((240, 200, 3), np.uint8)
    with pytest.raises(ValueError, match="made with explain=False"):
        radiolens.heat_map(image, opened.predict(image, explain=False), "pneumonia")
    with pytest.raises(KeyError, match="no map of 'glioma'; there are those of pneumonia, tuberculosis"):
        radiolens.heat_map(image, prediction, "glioma")


def test_a_manifest_and_its_scores_may_be_named_by_text(opened: radiolens.OpenBundle, tmp_path: Path) -> None:
    film, file = save(tmp_path / "film.png", 1), tmp_path / "manifest.csv"
    file.write_text(f"path,label:pneumonia\n{film.name},1\n")
    manifest = radiolens.read_manifest(str(file), radiolens.get_task("chest-xray"))
    scored = radiolens.score(opened.engine, manifest, manifest.cases, str(tmp_path / "cache"))
    np.testing.assert_allclose(scored.probabilities, opened.probabilities([film]))


def test_a_profile_decides_and_one_of_another_bundle_is_refused(
    opened: radiolens.OpenBundle, film: Path, tmp_path: Path
) -> None:
    profile = radiolens.Profile("clinic", opened.identity.sha256, {"pneumonia": 0.0}, "none")
    file = tmp_path / "profile.json"
    radiolens.write_profile(profile, str(file))
    for given in (profile, file, radiolens.read_profile(str(file))):
        assert opened.with_profile(given).predict(film).finding("pneumonia").presence is Presence.PRESENT
    other = radiolens.open_bundle(make_bundle(tmp_path, seed=1, version="9.9.9"))
    with pytest.raises(BundleError, match="Plan the thresholds anew"):
        other.with_profile(profile)


def test_an_installed_bundle_is_opened_by_name_and_answers_in_short_form(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path))
    make_bundle(tmp_path / "bundles", version="9.0.0")
    opened = radiolens.open_bundle("chest-xray", threads=1)
    assert opened.identity.version == "9.0.0"
    assert radiolens.predict(film, "chest-xray").findings == opened.predict(film).findings
    assert radiolens.predict(radiolens.read_image(film), bundle="chest-xray", gate=False).answered
    with pytest.raises(UnknownBundle, match="There is no bundle 'nothing'"):
        radiolens.open_bundle("nothing")
    with pytest.raises(UnknownBundle, match="There is no bundle 'nothing'"):
        radiolens.predict(tmp_path / "none.png", bundle="nothing")


def test_the_released_bundle_is_opened_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path))
    released = read_bundle(find_bundles([RELEASED])["brain-mri"])
    assert radiolens.open_bundle("brain-mri").identity.sha256 == released.sha256


@pytest.mark.slow
def test_type_checkers_see_the_names(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import radiolens\n"
        "from radiolens import evaluation\n"
        "reveal_type(radiolens.open_bundle('x').features(['a.png']))\n"
        "reveal_type(evaluation.auroc_interval([0, 1], [0.1, 0.2]).low)\n"
        "radiolens.predict(3)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert 'script.py:3: note: Revealed type is "numpy.ndarray[' in done.stdout
    assert re.search(r'script\.py:4: note: Revealed type is "(builtins\.)?float"', done.stdout)
    assert 'Argument 1 to "predict" has incompatible type "int"' in done.stdout


def executed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Run the notebook of the documentation as it is, and return what its cells print."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=300, startup_timeout=300, kernel_name="python3", resources=resources)
    with TemporaryDirectory() as sockets:  # whose paths are shorter than pytest's: a socket's may have 104 bytes
        manager = client.create_kernel_manager()
        manager.transport = "ipc"  # a port that is free now may be another program's when the kernel starts
        manager.ip = f"{sockets}/kernel"
        client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs)


@pytest.mark.slow
def test_the_notebook_of_the_documentation_runs_on_films_that_it_draws(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RADIOLENS_NOTEBOOK_MANIFEST", raising=False)
    told = executed(monkeypatch, tmp_path)
    assert "DeLong" in told
    assert "sensitivity corrected for optimism: 0." in told
    assert "chosen on the cases that it is judged on" in told
    assert "Finding(label='pneumonia'" in told


@pytest.mark.slow
@needs_shared_data
def test_the_notebook_runs_on_a_manifest_of_real_films(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    images = SHARED / "chest-xray" / "images" / "guangzhou"
    found = [
        sorted(path for path in images.rglob("*") if part in path.as_posix().lower() and path.is_file())[:15]
        for part in ("normal", "pneumonia")
    ]
    rows = ["path,split,label:pneumonia"]
    for truth, files in enumerate(found):
        for number, file in enumerate(files):
            PIL.Image.open(file).convert("L").save(tmp_path / f"{truth}-{number}.png")
            rows.append(f"{truth}-{number}.png,test,{truth}")
    assert len(rows) == 31
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.setenv("RADIOLENS_NOTEBOOK_MANIFEST", str(tmp_path / "manifest.csv"))
    assert "DeLong" in executed(monkeypatch, tmp_path)


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []
    assert len(code) > 8
