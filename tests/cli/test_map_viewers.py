"""Maps for ChimeraX and napari, with stand-ins for both programs."""

import os
import sys
import time
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest

from mgit.cli import map_viewers
from mgit.cli.map_viewers import (
    chimerax_script,
    contour_level,
    find_chimerax,
    find_napari,
    one_species,
    open_in_napari,
    start_chimerax,
    write_chimerax_files,
)
from mgit.errors import InvalidState, NotFound, Refused
from mgit.state.names import species_path
from mgit.state.species import read_species, update_species_attributes
from tests.survey.populations import SPECIES, add_species, commit

HOSTILE = 'evil"; exit\nopen /etc/passwd'


def tree(toy):
    return toy.repository.snapshot("HEAD")


def species(toy, path=SPECIES):
    return read_species(tree(toy), path)


def test_one_species_is_meant_or_named(toy):
    assert one_species(tree(toy), []).name == "ribosome"
    commit(toy.repository, lambda writer: add_species(writer, "virus"))
    assert one_species(tree(toy), ["virus", "virus"]).name == "virus"
    with pytest.raises(Refused) as several:
        one_species(tree(toy), [])
    assert "ribosome, virus" in several.value.hint
    commit(toy.repository, lambda writer: writer.remove("species"))
    with pytest.raises(NotFound):
        one_species(tree(toy), [])


def test_maps_and_a_script_that_opens_them_are_written(toy, tmp_path):
    script = write_chimerax_files(tree(toy), species(toy), str(tmp_path / "maps"))
    opened = [line.split()[1] for line in script.read_text().splitlines() if "open" in line]
    assert sorted(opened) == sorted(each.name for each in (tmp_path / "maps").glob("*.mrc"))
    assert opened[0] == "filtered.mrc"
    assert opened[-1] == "mask.mrc"
    with mrcfile.open(tmp_path / "maps" / "filtered.mrc") as found:
        assert found.data.shape == (4, 4, 4)
        assert float(found.voxel_size.x) == 5.0
    with pytest.raises(Refused, match="there already"):
        write_chimerax_files(tree(toy), species(toy), str(tmp_path / "maps"))


def test_without_a_directory_a_new_one_is_made(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(map_viewers.tempfile, "tempdir", str(tmp_path))
    places = [write_chimerax_files(tree(toy), species(toy), None).parent for _ in "12"]
    assert places[0] != places[1]
    assert {each.parent for each in places} == {tmp_path}


def test_no_name_reaches_the_commands_of_the_script(toy):
    commit(toy.repository, lambda writer: add_species(writer, HOSTILE))
    text = chimerax_script(["filtered", "mask"], species(toy, species_path(HOSTILE)))
    assert [line.split()[0] for line in text.splitlines()] == [
        *("#", "set", "lighting", "graphics", "open", "rename", "volume", "open", "rename"),
        *("volume", "hide", "transparency", "view"),
    ]
    assert text.count('"') == 4
    assert "volume #2 step 1 style surface color lightgray level 0.5" in text


def test_the_contour_encloses_the_expected_volume(toy):
    random = np.random.default_rng(0)
    values = random.normal(size=(20, 20, 20)).astype(np.float32)
    unknown = contour_level(values, species(toy))
    assert unknown == pytest.approx(values.mean() + 4 * values.std(), rel=1e-5)
    mass = {"molecular_weight_kilodalton": "10"}
    commit(toy.repository, lambda writer: update_species_attributes(writer, SPECIES, mass))
    # 10 kDa at 1.21 A^3 per dalton and voxels of 125 A^3
    assert (values >= contour_level(values, species(toy))).sum() == round(12_100 / 125)


def test_chimerax_is_started_beside_its_script_and_left_alone(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "ChimeraX"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\npwd > "$1.seen"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    place = tmp_path / "with space"
    place.mkdir()
    start_chimerax(find_chimerax(), place / "view.cxc")
    seen = place / "view.cxc.seen"
    for _ in range(200):
        if seen.exists() and seen.read_text():
            break
        time.sleep(0.05)
    assert seen.read_text().strip() == str(place)


def test_missing_viewers_are_named_with_the_way_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound) as missing:
        find_chimerax()
    assert "https://www.rbvi.ucsf.edu/chimerax" in missing.value.hint
    monkeypatch.setitem(sys.modules, "napari", None)
    with pytest.raises(NotFound) as missing:
        find_napari()
    assert "pip install" in missing.value.hint


def test_napari_gets_every_map_as_a_layer_in_angstrom(toy):
    layers, ran = {}, []

    class Viewer:
        def __init__(self, **options):
            assert options == {"title": "mgit: ribosome", "ndisplay": 3}

        def add_image(self, values, *, name, scale, **options):
            layers[name] = (values.shape, scale, options.get("visible", True))

    napari = SimpleNamespace(Viewer=Viewer, run=lambda: ran.append(len(layers)))
    open_in_napari(napari, species(toy))
    assert ran == [5]
    assert {name for name, each in layers.items() if not each[2]} == {
        *("half_map_1", "half_map_2", "mask", "mean")
    }
    assert {each[:2] for each in layers.values()} == {((4, 4, 4), (5.0, 5.0, 5.0))}


def test_a_species_without_maps_is_refused(toy, tmp_path):
    def without(writer):
        for name in ("half_map_1", "half_map_2", "mask"):
            writer.remove(f"{SPECIES}/{name}")

    commit(toy.repository, without)
    with pytest.raises(InvalidState, match="no maps"):
        write_chimerax_files(tree(toy), species(toy), str(tmp_path / "maps"))
    with pytest.raises(InvalidState, match="no maps"):
        open_in_napari(SimpleNamespace(Viewer=lambda **_: None), species(toy))
