from dataclasses import replace

import mrcfile
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from mgit.errors import InvalidInput
from mgit.exchange.mrc import read_stack, read_volume
from mgit.simulate.documents import image_name
from mgit.simulate.images import Camera, lens_of
from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import BACKGROUND, simulate_tilt_series
from mgit.simulate.transfer import frequencies

TINY = PRESETS["tiny"]


def contents(directory) -> dict:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def image_of(simulated, tilt: int) -> np.ndarray:
    return read_stack(simulated.directory / "images" / image_name("TS_01", tilt)).values[0]


@pytest.fixture(scope="module")
def noiseless(tmp_path_factory):
    settings = replace(TINY, snr=float("inf"), particles=16, image_size_px=200, tilts=9)
    directory = tmp_path_factory.mktemp("noiseless") / "data"
    return simulate_tilt_series(directory, settings, seed=3)


def test_equal_seeds_give_equal_files_and_others_do_not(simulated, tmp_path):
    again = simulate_tilt_series(tmp_path / "again", TINY, seed=5)
    other = simulate_tilt_series(tmp_path / "other", TINY, seed=6)
    first = contents(simulated.directory)
    assert first == contents(again.directory)
    theirs = contents(other.directory)
    assert first.keys() == theirs.keys()
    for name in ("truth.json", "images/TS_01_001.mrc", "particles.star", "truth_map.mrc"):
        assert first[name] != theirs[name]


def test_images_are_noise_of_unit_variance_on_a_background(simulated):
    image = image_of(simulated, 0)
    assert image.dtype == np.float32
    assert image.mean() == pytest.approx(BACKGROUND, abs=0.2)
    assert image[:8].std() == pytest.approx(1.0, abs=0.1)
    with mrcfile.open(simulated.directory / "images/TS_01_001.mrc") as opened:
        assert float(opened.voxel_size.x) == pytest.approx(5.0)


def test_particles_have_the_stated_signal_to_noise_ratio(simulated, tmp_path):
    """The difference between a noisy and a noiseless simulation is the noise."""
    clean = simulate_tilt_series(tmp_path / "clean", replace(TINY, snr=float("inf")), seed=5)
    factor = simulated.signal_scale / clean.signal_scale
    assert factor**2 == pytest.approx(TINY.snr)
    noise = [
        image_of(simulated, tilt) - BACKGROUND - factor * (image_of(clean, tilt) - BACKGROUND)
        for tilt in range(5)
    ]
    assert np.std(noise) == pytest.approx(1.0, abs=0.01)
    seen = clean.truth.views()
    boxes = []
    for tilt in range(5):
        for x, y in np.round(seen.xy[seen.tilt == tilt] / 5.0).astype(int) - 12:
            boxes.append(image_of(clean, tilt)[y : y + 24, x : x + 24].var())
    assert np.mean(boxes) == pytest.approx(1.0, rel=1e-3)


def test_particles_are_dark(noiseless):
    seen = noiseless.truth.views()
    image = image_of(noiseless, 4)
    kernel = np.hypot(*np.mgrid[-5:6, -5:6]) < 5
    places = np.round(seen.xy[seen.tilt == 4] / 5.0).astype(int)
    values = [image[y - 5 : y + 6, x - 5 : x + 6][kernel].mean() for x, y in places]
    assert np.mean(np.array(values) < BACKGROUND) > 0.9


def flipped(simulated, tilt: int) -> np.ndarray:
    """Bright particles with the phases that the CTF at the centre's defocus has turned put back."""
    truth = simulated.truth
    image = BACKGROUND - image_of(simulated, tilt)
    camera = Camera(
        geometry=truth.series[0],
        tilt=tilt,
        lens=lens_of(truth.settings),
        pixel_size_angstrom=truth.settings.pixel_size_angstrom,
    )
    k = frequencies(image.shape, camera.pixel_size_angstrom)
    sign = np.sign(camera.transfer(k, truth.series[0].arrays["defocus"][tilt]))
    return np.fft.irfft2(np.fft.rfft2(image) * sign, s=image.shape)


def test_images_add_up_to_the_molecule_and_not_to_its_mirror_image(noiseless):
    """Plain back-projection in real space at the true places and turns."""
    truth = noiseless.truth
    edge, pixel = truth.settings.box_px, truth.settings.pixel_size_angstrom
    axis = (np.arange(edge) - edge // 2) * pixel
    z, y, x = (each.ravel() for each in np.meshgrid(axis, axis, axis, indexing="ij"))
    total = np.zeros(edge**3)
    seen = truth.views()
    for tilt in range(truth.settings.tilts):
        image = flipped(noiseless, tilt)
        for at in np.flatnonzero(seen.tilt == tilt):
            place = seen.xy[at] + (seen.rotation[at] @ np.stack([x, y, z]))[:2].T
            total += map_coordinates(image, place.T[::-1] / pixel, order=1)
    ours = truth.density().ravel()
    theirs = truth.molecule.mirrored().density(edge, pixel_size_angstrom=pixel).ravel()
    inside = np.sqrt(x**2 + y**2 + z**2) < truth.settings.diameter_angstrom / 2
    agreement = [np.corrcoef(total[inside], each[inside])[0, 1] for each in (ours, theirs)]
    assert agreement[0] > 0.6
    assert agreement[0] > agreement[1] + 0.2


def test_the_truth_map_and_a_mask_are_written(simulated):
    density = read_volume(simulated.directory / "truth_map.mrc", cubic=True)
    assert (density.values == simulated.truth.density()).all()
    assert density.header.pixel_size_angstrom == 5.0
    mask = read_volume(simulated.directory / "mask.mrc", cubic=True).values
    assert mask.shape == (24, 24, 24)
    assert mask[12, 12, 12] == 1
    assert mask[0, 0, 0] == 0
    assert 0 < mask[12, 12, 23] < 1


def test_solvent_adds_structure(tmp_path, simulated):
    wet = simulate_tilt_series(tmp_path / "wet", replace(TINY, solvent=2.0), seed=5)
    assert image_of(wet, 2).std() > 1.8 * image_of(simulated, 2).std()


def test_an_atomic_model_can_be_simulated(tmp_path):
    lines = [
        f"ATOM  {i:5d}  C   GLY A{i:4d}    {3 * i:8.3f}{(i * i) % 17:8.3f}{(7 * i) % 11:8.3f}"
        "  1.00  0.00           C"
        for i in range(1, 12)
    ]
    (tmp_path / "model.pdb").write_text("\n".join(lines))
    made = simulate_tilt_series(tmp_path / "d", TINY, seed=1, atoms=tmp_path / "model.pdb")
    assert len(made.truth.molecule.weights) == 11
    wide = "\n".join([*lines, lines[0][:30] + " 900.000" + lines[0][38:]])
    (tmp_path / "wide.pdb").write_text(wide)
    with pytest.raises(InvalidInput, match="does not fit"):
        simulate_tilt_series(tmp_path / "e", TINY, seed=1, atoms=tmp_path / "wide.pdb")
    assert not (tmp_path / "e").exists()


def test_a_directory_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(InvalidInput):
        simulate_tilt_series(tmp_path, TINY, seed=0)
    assert [each.name for each in tmp_path.iterdir()] == ["note"]


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing(tmp_path, mgit_process):
    """A whole demo, where matrix products would sum differently."""
    written = []
    for threads in ("1", "3"):
        environment = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        ran = mgit_process("simulate", f"data{threads}", "--tilts", "3", environment=environment)
        assert ran.returncode == 0, ran.stderr
        written.append(contents(tmp_path / f"data{threads}"))
    assert written[0] == written[1]
