"""Optics groups of particle tables against the series they stand in."""

import numpy as np
import pytest

from mgit.curate.export_documents import source_documents
from mgit.curate.particle_intake import ItemVolumes, bind_table
from mgit.curate.particle_optics import own_terms, with_own_terms
from mgit.curate.particle_source import create_source
from mgit.curate.rederive import imported_records
from mgit.curate.sources import add_source, update_from
from mgit.exchange.relion_particle_series import read_particle_series
from mgit.exchange.relion_particles import read_particles
from mgit.exchange.relion_tomograms import read_tomograms
from mgit.state.population import Population
from mgit.state.series import update_item_arrays
from tests.curate.species_tables import (
    rows_of,
    species_of,
    table_bytes,
    write_source,
    write_species,
)

OPTICS = "_rlnTomoTiltSeriesPixelSize #2\n_rlnOddZernike #3\n_rlnEvenZernike #4\n_rlnBeamTiltX #5\n"
PARTICLES = """data_optics
loop_
_rlnOpticsGroup
_rlnImagePixelSize
_rlnImageSize
_rlnOddZernike
_rlnEvenZernike
1 4.0 32 [0.50,1.5] [0.10,0.2]

data_particles
loop_
_rlnTomoName
_rlnImageName
_rlnOpticsGroup
t 1@t.mrcs 1
"""
TOMOGRAMS = """data_global
loop_
_rlnTomoName
_rlnMicrographOriginalPixelSize
_rlnTomoHand
_rlnTomoTiltSeriesPixelSize
t 2.0 -1 2.0

data_t
loop_
_rlnMicrographPreExposure
_rlnPhaseShift
0 10.30
3 -7.10
"""


def bytes_with(odd="[0.5,1]", even="[0,2]", tilt="0.1"):
    content = table_bytes(rows_of(6)).decode()
    content = content.replace("_rlnTomoTiltSeriesPixelSize #2\n", OPTICS)
    return content.replace("1 2.0\n", f"1 2.0 {odd} {even} {tilt}\n").encode()


def table_with(**terms):
    return read_particles(bytes_with(**terms), path="Refine3D/job001/run_data.star")


def flagged(tree, table):
    binding = bind_table(table, ItemVolumes(tree), ignore_unmatched=False)
    found = with_own_terms(table, binding)
    return found.attributes["optics_groups"][0].get("own_terms", []), found.notes


def stacks(particles=PARTICLES):
    tomograms = read_tomograms(TOMOGRAMS.encode(), path="t.star", load=lambda path: b"")
    return read_particle_series(particles.encode(), path="p.star", tomograms=tomograms)


def add_stacks(tree):
    add_source(tree, "s", stacks(), digest_of=lambda raw: None)
    return Population(tree).item("s", "t")


def exported(tree):
    found = source_documents(tree, Population(tree).source("s"))
    return {each.path: each for each in found}


def test_terms_that_the_series_do_not_have_are_named(tree):
    write_source(tree, "TS_01", "TS_02")
    terms, notes = flagged(tree, table_with())
    assert terms == ["zernike_odd", "zernike_even", "beam_tilt_x_milliradian"]
    assert "zernike odd" in notes[-1]
    terms, _ = flagged(tree, table_with(odd="[0,0]", even="[0.3,0]", tilt="0"))
    assert terms == ["phase_shift_degree"]


def test_terms_of_the_series_and_terms_of_zero_are_no_difference(tree):
    write_source(tree, "TS_01", "TS_02")
    table = table_with(odd="[0,0]", even="[0]", tilt="0")
    assert flagged(tree, table) == ([], table.notes)
    table = table_with(tilt="0", even="[0]")
    for item in Population(tree).source("grid").items():
        assert flagged(tree, table)[0] == ["zernike_odd"]
        odd = np.array([-0.5, -1, *[0.0] * 10])
        update_item_arrays(tree, item.path, {"zernike_odd": (odd, {})})
    assert flagged(tree, table)[0] == []


def test_a_group_without_series_acts_on_nothing():
    assert own_terms({"zernike_odd": ["1.0"] * 12}, []) == []


def test_a_species_keeps_what_its_own_groups_say(tree):
    write_source(tree, "TS_01", "TS_02")
    report = write_species(tree, [], table=table_with())
    species = species_of(tree)
    (group,) = species.attributes["optics_groups"]
    assert group["own_terms"] == ["zernike_odd", "zernike_even", "beam_tilt_x_milliradian"]
    assert group["zernike_odd"][:2] == ["-0.5", "-1.0"]
    assert any("not applied" in note for note in report.notes)


def test_a_source_made_of_a_table_takes_its_terms(tree):
    table = table_with()
    create_source(tree, "made", table)
    items = list(Population(tree).source("made").items())
    for item in items:
        assert item.array("zernike_odd").read()[:2].tolist() == [-0.5, -1]
        assert item.attributes["beam_tilt_x_milliradian"] == "0.1"
    assert flagged(tree, table)[0] == []
    records = imported_records(tree, Population(tree).source("made").path, items)
    assert np.array_equal(
        records["TS_01"].arrays["zernike_even"].values, items[0].array("zernike_even").read()
    )


def test_stacks_are_exported_byte_for_byte_with_their_phase_shifts(tree):
    item = add_stacks(tree)
    phases = item.array("phase_shift").read()
    assert phases == pytest.approx([10.3 - 5.7295779513, -7.1 - 5.7295779513])
    found = exported(tree)
    assert found["p.star"].content == PARTICLES.encode()
    assert found["t.star"].content == TOMOGRAMS.encode()
    assert all(line.verdict == "kept" for each in found.values() for line in each.report)


def test_refined_terms_of_stacks_are_written_where_they_came_from(tree):
    item = add_stacks(tree)
    odd = -np.array([0.75, 1.5, *[0.0] * 10])
    phases = item.array("phase_shift").read() + np.array([0.0, 1.0])
    update_item_arrays(tree, item.path, {"zernike_odd": (odd, {}), "phase_shift": (phases, {})})
    found = exported(tree)
    assert b"[0.75,1.5] [0.10,0.2]" in found["p.star"].content.replace(b", ", b",")
    assert b"0 10.30\n3 -6.1" in found["t.star"].content


def test_an_update_takes_new_terms_where_the_old_ones_were_not_refined(tree):
    add_stacks(tree)
    source = stacks(PARTICLES.replace("[0.50,1.5]", "[0.60,1.5]"))
    report = update_from(tree, "s", source, digest_of=lambda raw: None, replace=False)
    assert report.changed == {"t": ("zernike_odd",)}
    assert not report.kept
    odd = Population(tree).item("s", "t").array("zernike_odd").read()
    assert odd[0] == -0.6


def test_real_tables_with_aberrations_agree_with_the_series_made_of_them(tree, shared_data):
    path = shared_data / "spa_and_sta_small_stacks/relion31.6opticsgroups.star"
    table = read_particles(path.read_bytes(), path=path.name)
    create_source(tree, "made", table)
    odd = [item.array("zernike_odd").read() for item in Population(tree).source("made").items()]
    assert all(np.abs(each).max() > 0.1 for each in odd)
    binding = bind_table(table, ItemVolumes(tree), ignore_unmatched=False)
    groups = with_own_terms(table, binding).attributes["optics_groups"]
    allowed = {"phase_shift_degree"}
    assert all(set(group.get("own_terms", ())) <= allowed for group in groups)
