"""`mgit species add`: what biologists read when particles come in, and when they cannot."""

import json

import pytest

from tests.curate.species_tables import rows_of

PP = "data_general\n\n_rlnFinalResolution 6.5\n\ndata_fsc\n\nloop_\n_rlnSpectralIndex\n"
PP += "_rlnResolution\n_rlnFourierShellCorrelationCorrected\n0 0.001 1\n1 0.0625 0.9\n2 0.125 0.1\n"


def test_an_import_says_how_many_particles_came_where(lab):
    lines = lab.lines(
        *("species", "add", "capsid", "--particles", lab.table(rows_of(8)), "--diameter", "230"),
        *("--symmetry", "c6", "--mass", "3600"),
    )
    assert lines[0].endswith("Add species capsid: 8 particles")
    assert lines[1] == "  8 particles in 2 series, half-sets 4 + 4"
    assert "waits for a reconstruction" in lines[2]
    attributes = lab.species().attributes
    assert (attributes["symmetry"], attributes["molecular_weight_kilodalton"]) == ("C6", "3600.0")


def test_maps_curves_and_helical_facts_come_with_it(lab, tmp_path):
    (tmp_path / "postprocess.star").write_text(PP)
    record = lab.json(
        *("species", "add", "capsid", "--particles", lab.table(rows_of(8)), "--diameter", "230"),
        *("--half1", lab.map("h1.mrc"), "--half2", lab.map("h2.mrc", 1)),
        *("--fsc", str(tmp_path / "postprocess.star"), "--ewald", "reverse"),
        *("--helical-units", "4", "--helical-twist", "-1.2", "--helical-rise", "4.7"),
        *("--temporal-samples", "2", "--resolution", "12"),
    )
    assert record["particles"] == 8
    assert record["resolution_angstrom"] == 6.5
    species = lab.species()
    assert species.flag("ewald")
    assert species.attributes["ewald_reverse"] is False
    assert species.attributes["helical_units"] == 4
    assert species.number("helical_twist_degree") == -1.2
    assert species.number("resolution_override_angstrom") == 12
    assert species.particles.load().positions.shape[1] == 2


def test_provenance_records_files_by_name_and_content_by_digest(lab):
    lab.lines(
        *("species", "add", "capsid", "--particles", lab.table(rows_of(8)), "--diameter", "230"),
        *("--reference", lab.map("ref.mrc"), "--mirror-map"),
    )
    record = json.loads(lab.repository.snapshot("HEAD").blob("provenance.json"))
    assert record["verb"] == "species add"
    assert record["settings"]["particles"] == "run_data.star"
    assert record["settings"]["mirror_map"] is True
    assert len(record["inputs"]) == 2


def test_a_dry_run_tells_and_records_nothing(lab):
    tip = lab.tip()
    lines = lab.lines(
        *("species", "add", "capsid", "--particles", lab.table(rows_of(8)), "--diameter", "230"),
        "--dry-run",
    )
    assert lines[0].startswith("dry run: nothing was recorded")
    assert lab.tip() == tip


def test_a_source_can_be_made_of_the_table(lab):
    rows = rows_of(4, names=("one", "two"))
    words = ("species", "add", "alone", "--particles", lab.table(rows), "--diameter", "90")
    assert lab(*words) == 1
    assert "--create-source" in lab.err
    lab.lines(*words, "--create-source", "made")
    assert "made" in "\n".join(lab.lines("source", "list"))
    assert len(lab.species("alone").particles) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--diameter", "-1"), "--diameter"),
        (("--diameter", "90", "--symmetry", "Q"), "C<n>"),
        (("--diameter", "90", "--half1", "x.mrc"), "--half2"),
        (("--diameter", "90", "--temporal-samples", "0"), "temporal sample"),
        (("--diameter", "90", "--coordinate-pixel-size", "900"), "--coordinate-pixel-size"),
    ],
)
def test_mistakes_are_refused_with_the_option_that_mends_them(lab, words, told):
    tip = lab.tip()
    assert lab("species", "add", "x", "--particles", lab.table(rows_of(4)), *words) == 1
    assert told in lab.err
    assert lab.tip() == tip


def test_files_that_are_not_there_or_something_else_are_named(lab):
    assert lab("species", "add", "x", "--particles", "absent.star", "--diameter", "90") == 5
    assert "absent.star" in lab.err
    density = lab.map("map.mrc")
    assert lab("species", "add", "x", "--particles", density, "--diameter", "90") == 1
    assert "a map is given" in lab.err
    table = lab.table(rows_of(4))
    assert lab(*("species", "add", "x", "--particles", table, "--diameter", "90"),
               "--mask", table) == 1  # fmt: skip
    assert "a text file is given" in lab.err
    assert lab(*("species", "add", "x", "--particles", table, "--diameter", "90"),
               "--fsc", "absent.star") == 5  # fmt: skip


def test_a_real_project_comes_in_through_its_optimisation_set(lab, shared_data):
    project = shared_data / "relion5_hiv_project"
    lab.lines("source", "add", "hiv", "--relion", str(project / "Tomograms/job006/tomograms.star"))
    lines = lab.lines(
        *("species", "add", "capsid", "--diameter", "230", "--symmetry", "C6", "--source", "hiv"),
        *("--particles", str(project / "Refine3D/job023/run_optimisation_set.star")),
        *("--fsc", str(project / "PostProcess/job033/postprocess.star")),
    )
    assert lines[1] == "  9442 particles in 5 series, half-sets 4731 + 4711"
    assert lines[2] == "  resolution 3.65 A, as postprocess.star says"


def test_changes_can_be_gathered_on_the_stage(lab):
    tip = lab.tip()
    table = lab.table(rows_of(8))
    lab.lines(
        *("species", "add", "capsid", "--particles", table, "--diameter", "90"), "--no-commit"
    )
    lab.lines("species", "set", "capsid", "--mass", "300", "--no-commit")
    assert lab.tip() == tip
    lab.lines("commit", "-m", "capsid with its mass")
    assert lab.species().number("molecular_weight_kilodalton") == 300
