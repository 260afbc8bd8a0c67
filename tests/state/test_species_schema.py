from mgit.state.species_schema import PARTICLE_COLUMNS, SPECIES_ARRAYS, SPECIES_ATTRIBUTES


def covered(table):
    return {each.name for each in table if each.in_state_digest}


def test_maps_are_single_precision_volumes_and_covered():
    assert covered(SPECIES_ARRAYS) == {"half_map_1", "half_map_2", "reference", "mask"}
    assert {(each.dtype, each.layout) for each in SPECIES_ARRAYS} == {("float32", "volume")}


def test_the_digest_covers_a_particles_identity_pose_and_half_but_not_its_file():
    names = {"id", "item", "position", "angles", "half_set", "trajectory"}
    assert covered(PARTICLE_COLUMNS) == names
    assert {each.name for each in PARTICLE_COLUMNS} - names == {"source_table", "source_row"}


def test_the_digest_covers_what_refinement_depends_on():
    assert covered(SPECIES_ATTRIBUTES) == {
        "inputs",
        "diameter_angstrom",
        "pixel_size_angstrom",
        "helical_twist_degree",
        "helical_rise_angstrom",
        "helical_height_angstrom",
        "helical_units",
        "resolution_override_angstrom",
        "symmetry",
        "ewald",
        "ewald_reverse",
        "applied_columns",
        "optics_groups",
    }


def test_names_are_unique():
    names = [each.name for each in (*SPECIES_ARRAYS, *SPECIES_ATTRIBUTES)]
    assert len(names) == len(set(names))
