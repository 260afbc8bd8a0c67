"""What a change would leave hanging: particles whose series are gone."""

from collections.abc import Iterable

from mgit.errors import Refused
from mgit.history.tree_view import TreeView
from mgit.state.names import SOURCES, owner_of
from mgit.state.population import Population
from mgit.state.strings import StringColumn

__all__ = ["homeless_species", "refuse_homeless"]


def homeless_species(tree: TreeView) -> dict[str, int]:
    """Species with particles in series that the tree does not have: numbers of such series."""
    population = Population(tree)
    known = {item.id for item in population.items()}
    missing = {}
    for species in population.species():
        column = species.particles.column("item")
        if isinstance(column, StringColumn):
            gone = set(column.dictionary) - known
            if gone:
                missing[species.name] = len(gone)
    return missing


def refuse_homeless(tree: TreeView, changed_paths: Iterable[str]) -> None:
    """Raise Refused if a change touched series or species and left particles without a series.

    tree: as it is after the change. Reads nothing if no series or species was touched.
    """
    touched = {owner_of(path) for path in changed_paths} - {None}
    adds_species = any(not str(owner).startswith(f"{SOURCES}/") for owner in touched)
    loses_series = any(not tree.exists(str(owner)) for owner in touched)
    if not adds_species and not loses_series:
        return
    missing = homeless_species(tree)
    if missing:
        names = ", ".join(f"{name} ({count} series)" for name, count in sorted(missing.items()))
        raise Refused(
            "species would have particles in series that do not exist",
            species=names,
            hint="change the species and the source together, in one call",
        )
