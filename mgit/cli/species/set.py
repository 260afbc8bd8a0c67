"""`mgit species set`: change a property of a species."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.cli.species.inputs import fact_options, facts_of

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "change a property of a species"
DESCRIPTION = """Change a property of a species: what is not given stays.

A species whose symmetry or helical parameters change waits for a reconstruction.
More temporal samples can be asked for where poses do not vary over the exposure.
--name renames the species; parents and contacts of others follow.

examples:
  mgit species set capsid --diameter 240 --mass 3600
  mgit species set capsid --symmetry C1
  mgit species set ribosome --temporal-samples 3
  mgit species set capsid --parent lattice --contacts ribosome
  mgit species set capsid --name hexamer
"""
NONE = "none"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the species")
    fact_options(parser, adding=False)
    group = parser.add_argument_group("relations")
    group.add_argument("--name", dest="new_name", metavar="NEW", help="rename the species")
    group.add_argument(
        "--parent", metavar="SPECIES", help="the species it is part or a class of; or 'none'"
    )
    group.add_argument(
        "--contacts", nargs="+", metavar="SPECIES", help="species that may touch it; or 'none'"
    )
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Check, change, commit, and say what was and what is."""
    from mgit.curate.provenance import provenance
    from mgit.curate.species_facts import SpeciesFacts
    from mgit.curate.species_settings import set_species
    from mgit.errors import InvalidInput

    if arguments.parent == NONE:
        arguments.parent = ""
    if arguments.contacts is not None:
        arguments.contacts = () if arguments.contacts == [NONE] else tuple(arguments.contacts)
    stated = facts_of(arguments)
    if stated == SpeciesFacts() and not (arguments.new_name or arguments.temporal_samples):
        raise InvalidInput(
            "no property is given", species=arguments.name, hint="see 'mgit species set --help'"
        )
    repository = open_repository(arguments)
    with begin(repository, arguments, verb="species set") as transaction:
        report = set_species(
            transaction.draft,
            arguments.name,
            facts=stated,
            temporal_samples=arguments.temporal_samples,
            new_name=arguments.new_name,
        )
        changes = [f"{_words(each)} {_value(new)}" for each, (_, new) in report.changes.items()]
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Set {', '.join(changes)} of species {arguments.name}",
            provenance=provenance(
                {"name": arguments.name, **{k: _value(v[1]) for k, v in report.changes.items()}}
            ),
        )
    for each, (old, new) in report.changes.items():
        console.out(f"  {_words(each)}: {_value(old)} -> {_value(new)}")
    if report.needs_reconstruction:
        console.note("the species waits for a reconstruction under its new symmetry")
    changed = {each: list(pair) for each, pair in report.changes.items()}
    console.json({**facts, "species": report.name, "changes": changed})
    return ExitCode.OK


def _words(attribute: str) -> str:
    for unit, text in (("_angstrom", " (A)"), ("_degree", " (deg)"), ("_kilodalton", " (kDa)")):
        if attribute.endswith(unit):
            return attribute.removesuffix(unit).replace("_", " ") + text
    return attribute.replace("_", " ")


def _value(value: object) -> str:
    if value is None or value == ():
        return NONE
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )
