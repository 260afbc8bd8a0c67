"""Series and particles with their images, as alignment and reconstruction both take them."""

from collections.abc import Sequence

from mgit.refine.inputs import ParticleSet, TiltSeriesData
from mgit.refine.item_data import particle_series, tilt_series
from mgit.refine.null_images import null_particles, null_series
from mgit.refine.plan import (
    ItemPart,
    SpeciesPlan,
    item_data,
    particle_set,
    particle_set_with_stacks,
)
from mgit.refine.raw_stacks import BoundFile, tilt_images
from mgit.state.series import Item

__all__ = ["particles_of", "series_of"]


def series_of(
    item: Item, files: Sequence[BoundFile], *, null_seed: int | None = None
) -> TiltSeriesData:
    """The series of an item with its images; a null seed puts noise in their place."""
    data = item_data(item)
    if item.kind == "particle_series":
        return particle_series(data)
    images = tilt_images(data.name, files, tilts=len(data.arrays["tilt_angle"]))
    series = tilt_series(data, images)
    return series if null_seed is None else null_series(series, seed=null_seed)


def particles_of(
    plan: SpeciesPlan,
    part: ItemPart,
    files: Sequence[BoundFile],
    *,
    series: TiltSeriesData,
    null_seed: int | None = None,
) -> ParticleSet:
    """The particles of one species in one item; those that were extracted have their images."""
    if part.item.kind != "particle_series":
        return particle_set(plan, part)
    particles = particle_set_with_stacks(plan, part, files, series=series)
    if null_seed is None:
        return particles
    return null_particles(particles, item=part.item.name, seed=null_seed)
