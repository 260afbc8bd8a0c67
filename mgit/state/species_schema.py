"""The arrays, particle columns and attributes of a species."""

from mgit.state.schema_types import (
    NAME,
    STATE_AND_INPUTS,
    ArraySchema,
    AttributeSchema,
    attributes_of,
)

__all__ = ["PARTICLE_COLUMNS", "SPECIES_ARRAYS", "SPECIES_ATTRIBUTES"]

_MAP = ("z", "y", "x")


def _map(name: str, meaning: str) -> ArraySchema:
    return ArraySchema(
        name=name,
        dtype="float32",
        dimensions=_MAP,
        unit="",
        meaning=meaning,
        kinds=("species",),
        layout="volume",
    )


SPECIES_ARRAYS: tuple[ArraySchema, ...] = (
    _map("half_map_1", "unfiltered reconstruction of half-set 1"),
    _map("half_map_2", "unfiltered reconstruction of half-set 2"),
    _map("reference", "imported reference that both half-sets start from"),
    _map("mask", "refinement mask, 0 to 1"),
)
"""Arrays of a species beside its particles, network and metrics; all digested."""


def _column(
    name: str, dtype: str, dimensions: tuple[str, ...], unit: str, meaning: str, *, digested: bool
) -> ArraySchema:
    return ArraySchema(
        name=name,
        dtype=dtype,
        dimensions=("particle", *dimensions),
        unit=unit,
        meaning=meaning,
        in_state_digest=digested,
        kinds=("species",),
    )


PARTICLE_COLUMNS: tuple[ArraySchema, ...] = (
    _column("id", "uint8", ("16",), "", "permanent identity; rows ascend by it", digested=True),
    _column("item", "string", (), "", "id of the item, dictionary-coded", digested=True),
    _column(
        "position", "float64", ("sample", "3"), "angstrom", "x y z from the corner", digested=True
    ),
    _column(
        "angles", "float64", ("sample", "3"), "degree", "rot tilt psi, RELION ZYZ", digested=True
    ),
    _column("half_set", "uint8", (), "", "1 or 2", digested=True),
    _column(
        "trajectory",
        "float64",
        ("tilt", "3"),
        "angstrom",
        "displacement per row of the tilt table, added to the position",
        digested=True,
    ),
    _column("source_table", "string", (), "", "digest of the imported table", digested=False),
    _column("source_row", "int64", (), "", "row of the imported table from 0", digested=False),
)
"""Columns of a particle table; `trajectory` is optional, foreign columns stand below columns/."""

SPECIES_ATTRIBUTES: tuple[AttributeSchema, ...] = (
    NAME,
    *STATE_AND_INPUTS,
    *attributes_of(
        "decimal",
        [
            ("diameter_angstrom", "angstrom", "diameter of the particle"),
            ("pixel_size_angstrom", "angstrom", "pixel size of the maps"),
            ("helical_twist_degree", "degree", "rotation per subunit"),
            ("helical_rise_angstrom", "angstrom", "rise per subunit"),
            ("helical_height_angstrom", "angstrom", "length of the helix that is averaged"),
            ("resolution_override_angstrom", "angstrom", "resolution to assume for references"),
        ],
        digested=True,
    ),
    *attributes_of("text", [("symmetry", "", "point group in RELION's notation")], digested=True),
    *attributes_of(
        "texts",
        [("applied_columns", "", "foreign columns that are applied, and so covered by the digest")],
        digested=True,
    ),
    *attributes_of(
        "records",
        [
            (
                "optics_groups",
                "",
                "optics of the particles as decimal strings; own_terms: those their series lack",
            )
        ],
        digested=True,
    ),
    *attributes_of(
        "integer",
        [
            ("helical_units", "", "asymmetric units of a helix that are averaged"),
        ],
        digested=True,
    ),
    *attributes_of(
        "boolean",
        [
            ("ewald", "", "whether the curvature of the Ewald sphere is used in alignment"),
            ("ewald_reverse", "", "its hand; true, or absent: that of the series' depth"),
        ],
        digested=True,
    ),
    *attributes_of(
        "decimal",
        [
            ("molecular_weight_kilodalton", "kilodalton", "expected mass"),
            ("resolution_angstrom", "angstrom", "resolution of the half-maps"),
            ("coordinate_pixel_size_angstrom", "angstrom", "pixel size of imported coordinates"),
            ("b_factor_angstrom2", "angstrom^2", "B factor fitted to the map"),
            ("denoised_at_angstrom", "angstrom", "resolution at which the network was trained"),
        ],
        digested=False,
    ),
    *attributes_of(
        "text",
        [
            ("parent", "", "name of the species that this one is part or a class of"),
            ("half_set_origin", "", "'imported' or 'restarted' (a new split)"),
            ("format", "", "the foreign format that the particles came from"),
            ("images", "", "'stack_2d' or 'subtomogram': extracted images of an imported table"),
        ],
        digested=False,
    ),
    *attributes_of(
        "boolean",
        [
            ("needs_reconstruction", "", "whether particles changed after the maps were made"),
            ("needs_refinement", "", "whether poses were carried over from another geometry"),
            ("external_reference", "", "whether both half-sets share an imported reference"),
        ],
        digested=False,
    ),
    *attributes_of(
        "texts",
        [
            ("contacts", "", "names of species that may touch this one"),
            ("notes", "", "assumptions made at import"),
        ],
        digested=False,
    ),
)
