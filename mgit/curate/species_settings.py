"""Facts of a species changed, species renamed and removed, with what refers to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgit.curate.particle_poses import resampled
from mgit.curate.species_facts import SpeciesFacts, attributes_of_facts
from mgit.errors import InvalidInput, Refused
from mgit.state.names import check_given_name, species_path
from mgit.state.population import Population
from mgit.state.protocol import Writer
from mgit.state.species import Species, set_particles, update_species_attributes

__all__ = ["SpeciesRemoved", "SpeciesSet", "remove_species", "set_species"]

REFERENCE_CHANGING = ("symmetry", "helical_units", "helical_twist_degree", "helical_rise_angstrom")
"""Facts that a reconstruction averages by: the maps are outdated when one changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesSet:
    """Old and new value by attribute, in the order of names; None for absent."""

    name: str
    changes: Mapping[str, tuple[Any, Any]]
    needs_reconstruction: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesRemoved:
    """What a removal took out, and which species named it as a contact."""

    name: str
    particles: int
    contacts_of: tuple[str, ...]


def set_species(
    writer: Writer,
    name: str,
    *,
    facts: SpeciesFacts,
    temporal_samples: int | None = None,
    new_name: str | None = None,
) -> SpeciesSet:
    """Change facts of a species. Facts that are None stay.

    temporal_samples: poses per particle over the exposure, for poses that are constant.
    new_name: what the species shall be called; parents and contacts of others follow.

    Raises NotFound for an unknown species, parent or contact; InvalidInput for values that cannot
    be; Refused if the new name is taken or poses vary over the exposure.
    """
    population = Population(writer)
    species = population.one_species(name)
    wanted = attributes_of_facts(facts)
    _check_relatives(population, species, wanted)
    if new_name is not None:
        _check_free(writer, new_name)
    changes = {
        each: (species.attributes.get(each), value)
        for each, value in wanted.items()
        if species.attributes.get(each) != value
    }
    if any(each in changes for each in REFERENCE_CHANGING):
        wanted["needs_reconstruction"] = True
    if wanted:
        update_species_attributes(writer, species.path, wanted)
    if temporal_samples is not None:
        columns = species.particles.load()
        before = columns.positions.shape[1]
        if before != temporal_samples:
            set_particles(writer, species.path, resampled(columns, temporal_samples))
            changes["temporal samples"] = (before, temporal_samples)
    if new_name is not None and new_name != name:
        _rename(writer, species, new_name)
        changes["name"] = (name, new_name)
    return SpeciesSet(
        name=new_name or name,
        changes=dict(sorted(changes.items())),
        needs_reconstruction=any(each in changes for each in REFERENCE_CHANGING),
    )


def remove_species(writer: Writer, name: str) -> SpeciesRemoved:
    """Take a species out of the population; its history stays reachable.

    Raises NotFound, and Refused while other species are parts or classes of it.
    """
    population = Population(writer)
    species = population.one_species(name)
    children = [each.name for each in population.species() if each.attributes.get("parent") == name]
    if children:
        raise Refused(
            "other species are parts or classes of this one",
            species=name,
            children=", ".join(children),
            hint=f"'mgit species set {children[0]} --parent none' makes it stand alone",
        )
    contacts = _replace_contact(writer, name, None)
    count = len(species.particles)
    writer.remove(species.path)
    return SpeciesRemoved(name=name, particles=count, contacts_of=contacts)


def _check_relatives(population: Population, species: Species, wanted: Mapping[str, Any]) -> None:
    relatives = [wanted.get("parent"), *(wanted.get("contacts") or ())]
    for other in relatives:
        if other:
            population.one_species(other)
    ancestor, seen = wanted.get("parent"), {species.name}
    while ancestor:
        if ancestor in seen:
            raise InvalidInput(
                "a species cannot descend from itself",
                field="--parent",
                species=species.name,
                parent=wanted.get("parent"),
            )
        seen.add(ancestor)
        ancestor = population.one_species(ancestor).attributes.get("parent")


def _check_free(writer: Writer, name: str) -> None:
    check_given_name(name)
    if writer.exists(species_path(name)):
        raise Refused(
            "a species of this name exists", name=name, hint="choose a name that is not taken"
        )


def _rename(writer: Writer, species: Species, new_name: str) -> None:
    """The same tree at another path; no array is read. Its state does not cover names."""
    path = species_path(new_name)
    writer.take(path, writer, species.path)
    writer.remove(species.path)
    writer.set_attributes(path, {**writer.attributes(path), "name": new_name})
    _replace_contact(writer, species.name, new_name)
    for other in Population(writer).species():
        if other.attributes.get("parent") == species.name:
            update_species_attributes(writer, other.path, {"parent": new_name})


def _replace_contact(writer: Writer, name: str, new_name: str | None) -> tuple[str, ...]:
    """Replace a name among all contacts, or drop it; returns the species that had it."""
    found = []
    for other in Population(writer).species():
        contacts = tuple(other.attributes.get("contacts", ()))
        if name in contacts:
            kept = {each for each in contacts if each != name} | ({new_name} - {None})
            changes = {"contacts": sorted(str(each) for each in kept) or None}
            update_species_attributes(writer, other.path, changes)
            found.append(other.name)
    return tuple(found)
