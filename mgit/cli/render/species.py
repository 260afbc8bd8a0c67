"""A species in the terminal."""

from collections.abc import Mapping
from typing import Any

from mgit.cli.console import Console
from mgit.cli.render.numbers import byte_count, counted, quantity, word
from mgit.cli.render.plot import WIDTH, fsc_lines
from mgit.cli.render.scores import counts_text
from mgit.survey.commits import Origin
from mgit.survey.species import SpeciesSummary

__all__ = [
    "FLAG_ADVICE",
    "independence_text",
    "independence_words",
    "origin_lines",
    "resolution_text",
    "settings_text",
    "show_species",
    "species_table",
]

_ORIGINS = {
    "attribute": "as recorded",
    "metric": "as measured",
    "fsc": "where the FSC falls below 0.143",
}
FLAG_ADVICE = {
    "needs_reconstruction": "its particles have no maps of their own yet",
    "needs_refinement": "its poses were found in another geometry",
    "external_reference": "both half-sets share one imported reference: they are not independent",
}


def species_table(console: Console, species: "tuple[SpeciesSummary, ...]") -> None:
    """One line per species."""
    rows = [
        (
            each.name,
            each.particles,
            f"{each.half_sets[0]} + {each.half_sets[1]}",
            each.items,
            each.symmetry,
            quantity(each.diameter_angstrom, "angstrom", 4),
            quantity(each.resolution.angstrom if each.resolution else None, "angstrom"),
            ", ".join(map(word, each.flags)) or "-",
        )
        for each in species
    ]
    columns = (
        "species",
        "particles",
        "half-sets",
        "series",
        "symmetry",
        "diameter",
        "resolution",
        "flags",
    )
    console.table(columns, rows, "lrrrlrrl")


def resolution_text(species: SpeciesSummary) -> str:
    """The resolution with where it is from."""
    if species.resolution is None:
        return "not measured" if species.maps else "no maps"
    found = species.resolution
    return f"{quantity(found.angstrom, 'angstrom')} ({_ORIGINS[found.origin]})"


def show_species(console: Console, species: SpeciesSummary, origin: Origin | None) -> None:
    """Everything about one species."""
    console.out(console.styled(f"species {species.name}", "bold"))
    for name, text in _facts(species):
        console.out(f"  {name:<13}{text}")
    for flag in species.flags:
        console.out(f"  {console.styled(word(flag), 'yellow')}: {FLAG_ADVICE.get(flag, '')}")
    for note in species.notes:
        console.out(f"  note: {note}")
    if species.fsc is not None:
        console.out()
        console.out("  Fourier shell correlation of the half-maps")
        width = WIDTH if console.width is None else max(20, min(WIDTH, console.width - 20))
        frequency, correlation = species.fsc.frequency.tolist(), species.fsc.correlation.tolist()
        for line in fsc_lines(frequency, correlation, width=width):
            console.out(f"  {line}")
        console.out(f"  {independence_text(species)}")
    for line in origin_lines(origin):
        console.out(line)


def independence_text(species: SpeciesSummary) -> str:
    """What the curve between the halves can vouch for, in the same words everywhere."""
    return independence_words(
        external="external_reference" in species.flags,
        restarted=species.half_set_origin == "restarted",
    )


def independence_words(*, external: bool, restarted: bool) -> str:
    """What halves share. external: one imported reference; restarted: a new split."""
    if external:
        return "both halves were aligned to one imported reference: not independent inside its band"
    return "half-maps are independent in poses and references, not in deformation and optics" + (
        "; the split was restarted" if restarted else ""
    )


def _facts(species: SpeciesSummary) -> list[tuple[str, str]]:
    one, two = species.half_sets
    split = {"restarted": ", split anew", "imported": ", split as imported"}
    samples = f", {species.samples} temporal samples" if species.samples > 1 else ""
    shape = [f"diameter {quantity(species.diameter_angstrom, 'angstrom', 4)}"]
    shape.append(f"symmetry {species.symmetry}")
    if species.molecular_weight_kilodalton is not None:
        shape.append(f"mass {quantity(species.molecular_weight_kilodalton, 'kilodalton', 4)}")
    facts = [
        ("particles", f"{species.particles} in {species.items} series{samples}"),
        ("half-sets", f"{one} + {two}{split.get(species.half_set_origin, '')}"),
        ("shape", ", ".join(shape)),
        ("resolution", resolution_text(species)),
    ]
    if species.maps:
        pixel = quantity(species.pixel_size_angstrom, "angstrom", 5)
        box = f"{species.box_px}^3 px at {pixel}"
        facts.append(("maps", f"{', '.join(map(word, species.maps))}; {box}"))
    if species.b_factor_angstrom2 is not None:
        facts.append(("B factor", quantity(species.b_factor_angstrom2, "angstrom^2")))
    if species.scores is not None:
        facts.append(("scores", counts_text(species.scores)))
    if species.network_parameters:
        facts.append(("denoiser", counted(species.network_parameters, "parameter")))
    facts += [
        ("document", f"{each.path} ({word(each.role)}, {byte_count(each.size)})")
        for each in species.documents
    ]
    facts.append(("state", species.state or "not sealed"))
    return facts


def origin_lines(origin: Origin | None) -> list[str]:
    """Which commit last touched something, by which verb with which settings."""
    if origin is None:
        return []
    commit, record = origin.commit, origin.provenance
    lines = ["", f"last changed by {commit.id[:10]} {commit.subject}"]
    versions = record.get("versions", {})
    for change in (record, *record.get("changes", ())):
        lines.append(f"  mgit {change.get('verb', '?')}{settings_text(change)}")
    if versions:
        lines.append("  with " + ", ".join(f"{name} {each}" for name, each in versions.items()))
    return lines


def settings_text(record: Mapping[str, Any]) -> str:
    """': name value, ...' of the settings of one change; '' without any."""
    settings = record.get("settings", {})
    said = {name: value for name, value in settings.items() if value not in (None, [], "")}
    text = ", ".join(f"{word(name)} {_setting(value)}" for name, value in said.items())
    return f": {text}" if text else ""


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return (
            "(" + ", ".join(f"{word(name)} {_setting(each)}" for name, each in value.items()) + ")"
        )
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
