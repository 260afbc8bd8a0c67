import sys

import mrcfile
import numpy as np
import pytest

from mgit.curate.export_maps import filtered_map_files, map_files
from mgit.curate.species_maps import SpeciesMaps
from mgit.errors import InvalidState, Unsupported
from mgit.state.species import set_metrics, update_species_attributes
from tests.curate.species_tables import cube, rows_of, species_of, write_source, write_species


@pytest.fixture
def halves(tree):
    write_source(tree, "TS_01", "TS_02")
    values = (cube(seed=1), cube(seed=2))
    maps = SpeciesMaps(half_maps=values, mask=np.ones_like(values[0]), pixel_size_angstrom=2.5)
    write_species(tree, rows_of(4), maps=maps)
    return values


def written(tree, folder):
    found = {}
    for file in map_files(species_of(tree), directory="", label="made by a test"):
        file.save(folder / file.path)
        with mrcfile.open(folder / file.path) as opened:
            found[file.path] = (np.array(opened.data), float(opened.voxel_size.x))
    return found


def test_half_maps_mask_and_mean_are_written_with_their_pixel_size(tree, halves, tmp_path):
    found = written(tree, tmp_path)
    assert sorted(found) == ["capsid.mrc", *(f"capsid_{n}.mrc" for n in ("half1", "half2", "mask"))]
    assert {pixel for _, pixel in found.values()} == {2.5}
    assert found["capsid_half1.mrc"][0].tobytes() == halves[0].tobytes()
    assert found["capsid_half2.mrc"][0].tobytes() == halves[1].tobytes()
    assert np.allclose(found["capsid.mrc"][0], (halves[0] + halves[1]) / 2)


def test_maps_without_a_pixel_size_are_refused(tree, halves):
    update_species_attributes(tree, species_of(tree).path, {"pixel_size_angstrom": None})
    with pytest.raises(InvalidState, match="no pixel size"):
        list(map_files(species_of(tree), directory="", label="x"))


def test_a_species_without_maps_gives_no_files(tree):
    write_source(tree, "TS_01", "TS_02")
    write_species(tree, rows_of(4))
    assert list(map_files(species_of(tree), directory="", label="x")) == []


BOX, PIXEL = 48, 1.5
RADII = np.sqrt(
    sum(
        each**2
        for each in np.meshgrid(
            np.fft.fftfreq(BOX, PIXEL),
            np.fft.fftfreq(BOX, PIXEL),
            np.fft.rfftfreq(BOX, PIXEL),
            indexing="ij",
        )
    )
)


def decaying(b_factor):
    """A map with amplitudes exp(-b s^2 / 4)."""
    noise = np.fft.rfftn(np.random.default_rng(0).normal(size=(BOX,) * 3))
    amplitude = np.exp(-b_factor * RADII**2 / 4)
    values = np.fft.irfftn(noise / np.abs(noise) * amplitude, s=(BOX,) * 3, axes=(0, 1, 2))
    return values.astype(np.float32)


@pytest.fixture
def decayed(tree):
    """Equal halves of B factor 90 without a mask, their FSC 1 up to the 4 A that are recorded."""
    write_source(tree, "TS_01", "TS_02")
    maps = SpeciesMaps(half_maps=(decaying(90.0),) * 2, pixel_size_angstrom=PIXEL)
    write_species(tree, rows_of(4), maps=maps)
    path = species_of(tree).path
    set_metrics(tree, path, {"fsc": (np.ones(BOX // 2), {})})
    update_species_attributes(tree, path, {"resolution_angstrom": "4.0"})
    return tree


def filtered_files(tree, b_factor=None):
    found = filtered_map_files(species_of(tree), label="by a test", b_factor_angstrom2=b_factor)
    return {file.path: file for file in found}


def slope(path):
    with mrcfile.open(path) as opened:
        transform = np.abs(np.fft.rfftn(opened.data))
    inside = (RADII > 1 / 10) & (RADII < 1 / 4.6)
    return 4 * np.polyfit(RADII[inside] ** 2, np.log(transform[inside]), 1)[0]


def test_the_mean_is_filtered_and_sharpened_by_the_factor_that_the_note_states(decayed, tmp_path):
    files = filtered_files(decayed)
    for path in ("capsid_filtered.mrc", "capsid_sharpened.mrc"):
        files[path].save(tmp_path / path)
    assert slope(tmp_path / "capsid_filtered.mrc") == pytest.approx(-90, abs=3)
    assert slope(tmp_path / "capsid_sharpened.mrc") == pytest.approx(0, abs=3)
    assert files["capsid_filtered.mrc"].note == "FSC-weighted, low-passed at 4.00 A"
    words = files["capsid_sharpened.mrc"].note.split()
    assert words[:2] == ["B", "factor"]
    assert float(words[2]) == pytest.approx(-90, abs=1)
    with mrcfile.open(tmp_path / "capsid_sharpened.mrc") as opened:
        label = str(opened.header.label[0], "ascii").strip()
        assert label.startswith("by a test; FSC-weighted, low-passed at 4.00 A, B factor -")
        assert float(opened.voxel_size.x) == PIXEL


def test_a_given_factor_is_applied_instead(decayed, tmp_path):
    file = filtered_files(decayed, b_factor=-40.0)["capsid_sharpened.mrc"]
    file.save(tmp_path / "map.mrc")
    assert slope(tmp_path / "map.mrc") == pytest.approx(-50, abs=3)
    assert file.note == "B factor -40.0 A^2, as given"


def test_a_map_of_low_resolution_is_not_sharpened_and_says_so(decayed):
    path = species_of(decayed).path
    update_species_attributes(decayed, path, {"resolution_angstrom": "9.5"})
    files = filtered_files(decayed)
    assert "capsid_sharpened.mrc" not in files
    note = files["capsid_filtered.mrc"].note
    assert note.startswith("FSC-weighted, low-passed at 9.50 A; not sharpened: too few shells")
    assert "--b-factor" in note


def test_the_fsc_is_measured_where_none_was_kept(decayed):
    set_metrics(decayed, species_of(decayed).path, {})
    files = filtered_files(decayed)
    # Equal halves agree up to Nyquist; a resolution that was recorded for other curves is not used.
    assert files["capsid_filtered.mrc"].note == "FSC-weighted, low-passed at 3.00 A"


def test_without_the_numerical_libraries_other_maps_are_written(decayed, monkeypatch):
    monkeypatch.delitem(sys.modules, "mgit.curate.filtered_maps", raising=False)
    monkeypatch.setitem(sys.modules, "mgit.maps.postprocess", None)
    files = filtered_files(decayed)
    assert sorted(files) == ["capsid.mrc", "capsid_half1.mrc", "capsid_half2.mrc"]
    assert "not filtered" in files["capsid.mrc"].note
    assert "pip install 'mgit[refine]'" in files["capsid.mrc"].note
    with pytest.raises(Unsupported):
        filtered_files(decayed, b_factor=-40.0)
