"""The map of a species as the viewers show it: filtered where that can be done."""

from mgit.curate.map_filters import mean_map, prepared_filter
from mgit.errors import InvalidInput, InvalidState, Unsupported
from mgit.state.species import Species
from mgit.survey.report import DisplayMap

__all__ = ["display_map"]


def display_map(species: Species) -> DisplayMap | None:
    """The filtered mean of the half-maps, else the mean, else the reference; None without maps.

    The description says what was done and, where nothing could be, why.
    """
    names = species.map_names()
    if "half_map_1" not in names:
        if "reference" not in names:
            return None
        return DisplayMap(values=species.map("reference").read(), description="imported reference")
    try:
        found = prepared_filter(species)
        values = found.filtered(mean_map(species))
    except (InvalidInput, InvalidState, Unsupported) as error:
        hint = f" ({error.hint})" if error.hint else ""
        return DisplayMap(
            values=mean_map(species),
            description=f"Mean of the half-maps, not filtered: {error.message}{hint}",
        )
    fit = ""
    if found.b_factor is not None:
        fit = f"; not sharpened here, {found.sharpening_description}"
    return DisplayMap(
        values=values,
        description=f"Mean of the half-maps, {found.description}{fit}",
        curves=found.curves if found.measured else None,
    )
