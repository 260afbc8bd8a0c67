"""Everything about particle tables in one place: rows, storage, matching, half-sets."""

from mgit.state.half_sets import half_set_overlaps, new_split
from mgit.state.matching import RowMatch, match_rows, update_particles
from mgit.state.particle_columns import (
    Column,
    ParticleColumns,
    build_particles,
    concatenate_particles,
    empty_particles,
    id_order,
    id_words,
    rows_in_source_order,
    take_rows,
)
from mgit.state.particle_table import StoredParticles, read_particles, write_particles

__all__ = [
    "Column",
    "ParticleColumns",
    "RowMatch",
    "StoredParticles",
    "build_particles",
    "concatenate_particles",
    "empty_particles",
    "half_set_overlaps",
    "id_order",
    "id_words",
    "match_rows",
    "new_split",
    "read_particles",
    "rows_in_source_order",
    "take_rows",
    "update_particles",
    "write_particles",
]
