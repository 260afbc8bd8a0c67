"""A table without metadata of its images brings a source of the series that it names."""

from dataclasses import replace

import pytest

from mgit.curate.particle_files import find_particle_files, read_particle_files
from mgit.curate.particle_intake import ItemVolumes
from mgit.curate.particle_source import create_source, source_of_table
from mgit.errors import InvalidInput, Refused
from mgit.state.population import Population
from tests.curate.species_tables import rows_of, species_of, table_of, write_species

ZOO = (
    ("metadata_zoo/relion4_refine/refine.star", None, "tilt_series"),
    ("metadata_zoo/relion_particles/relion_3.0.star", None, "tilt_series"),
    ("metadata_zoo/relion_particles/relion_3.1_optics2.star", None, "tilt_series"),
    ("metadata_zoo/relion_particles/relion_4.0.star", None, "tilt_series"),
    ("metadata_zoo/relion_particles/relion31_sta/run_it025_data.star", None, "tilt_series"),
    ("metadata_zoo/stopgap/class6_er_mr1_1_sg.star", 8.0, "tilt_series"),
    ("apoferritin_warp_relion5_stars/warp2_particles_matching.star", None, "tilt_series"),
    ("spa_17_aspire/sample_particles_relion30.star", None, "frame_series"),
    ("spa_17_aspire/sample_particles_relion31.star", None, "frame_series"),
    ("spa_and_sta_small_stacks/relion5.star", None, "frame_series"),
    ("spa_and_sta_small_stacks/relion31.6opticsgroups.star", None, "frame_series"),
    ("spa_and_sta_small_stacks/FinalRefinement-OriginalParticles-PfCRT.star", None, "frame_series"),
)


def test_series_are_unbound_and_know_their_pixel_size(tree):
    report = create_source(tree, "made", table_of(rows_of(6)))
    assert (report.items, report.kind) == (2, "tilt_series")
    assert report.bindings == {"unbound": 2, "quick": 0, "full": 0}
    items = list(Population(tree).source("made").items())
    assert {item.attributes["pixel_size_angstrom"] for item in items} == {"2.0"}
    assert "no geometry" in report.notes[0]


def test_whoever_imports_the_same_table_gets_the_same_series(tree):
    create_source(tree, "made", table_of(rows_of(6)))
    create_source(tree, "again", table_of(rows_of(6)))
    ids = [{i.id for i in Population(tree).source(name).items()} for name in ("made", "again")]
    assert ids[0] == ids[1]


def test_a_source_is_never_overwritten_and_never_empty(tree):
    table = table_of(rows_of(6))
    create_source(tree, "made", table)
    with pytest.raises(Refused):
        create_source(tree, "made", table)
    with pytest.raises(InvalidInput, match="no particles"):
        source_of_table(replace(table, item_names=()))


@pytest.mark.parametrize(("file", "pixel", "kind"), ZOO)
def test_every_supported_table_can_be_imported_alone(shared_data, tree, file, pixel, kind):
    table = read_particle_files(
        find_particle_files(shared_data / file), volumes={}, coordinate_pixel_size_angstrom=pixel
    )
    assert create_source(tree, "made", table).kind == kind
    write_species(
        tree, [], table=table, volumes=ItemVolumes(tree), new_split=table.half_sets is None
    )
    species = species_of(tree)
    assert len(species.particles) == len(table.item_names)
    assert species.flag("needs_reconstruction")
