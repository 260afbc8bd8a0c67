"""The import check between the options of a verb and its commit: what is asked, told and refused.

Nothing here costs a start-up: torch is imported only where maps and linked raw data are present.
"""

from mgit.cli.console import Console

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgit.curate.coordinate_rivals import CoordinateRival, SeriesRival
    from mgit.history.repository import Repository
    from mgit.refine.import_check import Finding, ImportVerdict
    from mgit.state.protocol import Reader
    from mgit.state.species import Species

__all__ = ["ImportCheck", "check_options", "run_check"]

TITLES = {
    "map_hand": "hand of the map",
    "pixel_size": "pixel size of the map",
    "series_hand": "hand of the geometry",
    "depth_sign": "sign of the depth",
    "series_pixel": "pixel size of the series",
}


class ImportCheck:
    """What a check came to: `passed`, `stopped`, `unchecked` or `skipped`, and how it is told.

    reason: why nothing was measured. refusal: title of a question to how its rival would be taken.
    """

    __slots__ = ("reason", "record", "refusal", "rows", "summary", "verdict", "warnings")

    def __init__(self, verdict: str, *, reason: str = "") -> None:
        self.verdict = verdict
        self.reason = reason
        self.summary: list[str] = []
        self.rows: list[tuple[str, str, str, str, str]] = []
        self.record: dict[str, Any] = {"verdict": verdict}
        if reason:
            self.record["reason"] = reason
        self.refusal: dict[str, tuple[str, str]] = {}
        self.warnings: list[str] = []

    @property
    def metrics(self) -> "dict[str, Any]":
        """The record, as the provenance of a commit and `--json` hold it."""
        return {"import_check": self.record}

    def render(self, console: Console) -> None:
        """Write the verdict below the result of a verb."""
        console.out(f"  import check: {self.verdict}{', ' if self.reason else ''}{self.reason}")
        for line in self.summary:
            console.out(f"  {line}")
        if self.rows:
            columns = ("    question", "as imported", "rival", "in sigma", "verdict")
            console.table(columns, [("    " + row[0], *row[1:]) for row in self.rows], "lrrrl")
        for warning in self.warnings:
            console.warning(warning)

    def refuse(self, console: Console) -> None:
        """Tell and raise Refused when a rival wins; otherwise nothing."""
        if not self.refusal:
            return
        from mgit.errors import Refused

        self.render(console)
        remedies = "; ".join(remedy for _, remedy in self.refusal.values())
        fields: dict[str, object] = {
            title.replace(" ", "_"): words for title, (words, _) in self.refusal.items()
        }
        raise Refused(
            "the import check found a reading that explains the data clearly better",
            hint=f"{remedies}; '--no-check' imports it as it is",
            **fields,
        )


def check_options(parser: "argparse.ArgumentParser") -> None:
    """Add the option that leaves the check out."""
    parser.add_argument(
        "--no-check",
        action="store_true",
        help="do not reconstruct and compare with the maps before recording",
    )


def run_check(
    repository: "Repository",
    draft: "Reader",
    arguments: "argparse.Namespace",
    console: Console,
    *,
    rivals: "Sequence[CoordinateRival]" = (),
    series: "SeriesRival | None" = None,
    touched: bool = True,
) -> ImportCheck:
    """Check the species of the command line as the draft has it; refuses nothing yet.

    rivals: other readings of the coordinates. series: another pixel size of the series.
    touched: whether maps or particles changed at all.
    """
    from mgit.state.population import Population

    if arguments.no_check:
        return ImportCheck("skipped")
    if not touched:
        return ImportCheck("skipped", reason="neither maps nor particles are new")
    species = Population(draft).one_species(arguments.name)
    check = _measured(repository, draft, species, arguments, console, rivals, series)
    _judge_places(check, rivals)
    if check.refusal:
        check.verdict = check.record["verdict"] = "stopped"
    return check


def _measured(
    repository: "Repository",
    draft: "Reader",
    species: "Species",
    arguments: "argparse.Namespace",
    console: Console,
    rivals: "Sequence[CoordinateRival]",
    series: "SeriesRival | None",
) -> ImportCheck:
    reason = _why_not(repository, draft, species)
    if reason:
        return ImportCheck("unchecked", reason=reason)
    from mgit.cli.import_measurement import measured
    from mgit.errors import InvalidInput, InvalidState, NotFound, Unsupported

    try:
        verdict, sources = measured(repository, draft, species.name, rivals, console, series=series)
    except (InvalidInput, InvalidState, NotFound, Unsupported) as error:
        # Import needs no images: what they lack is no reason to refuse the metadata.
        return ImportCheck("unchecked", reason=str(error))
    return _told(verdict, sources, species, arguments, rivals, series)


def _why_not(repository: "Repository", draft: "Reader", species: "Species") -> str:
    """Why nothing can be measured, or nothing."""
    from pathlib import Path

    from mgit.curate.links import RawLinks
    from mgit.state.population import Population

    if not [name for name in species.map_names() if name != "mask"]:
        return "there is no map to compare with"
    links = RawLinks(Path(repository.layout.local) / "links.json", repository.files).all()
    here = set(species.particles.load().item.dictionary)
    sources = [
        source.name
        for source in Population(draft).sources()
        if here & {item.id for item in source.items()}
    ]
    if any(name in links for name in sources):
        return ""
    named = ", ".join(f"'{name}'" for name in sources)
    return f"no raw data of {named} is linked here ('mgit source link')"


def _told(
    verdict: "ImportVerdict",
    sources: "Mapping[str, Mapping[str, Any]]",
    species: "Species",
    arguments: "argparse.Namespace",
    rivals: "Sequence[CoordinateRival]",
    series: "SeriesRival | None",
) -> ImportCheck:
    check = ImportCheck("passed")
    options = {each.name: f"give {each.remedy}" for each in rivals}
    if series is not None:
        size = f"--pixel-size {series.pixel_size_angstrom:g}"
        options["series_pixel"] = f"run {_commands(sources, lambda _facts: size)} first"
    for finding in verdict.findings:
        title = TITLES.get(finding.question, finding.question)
        row = _row(title, finding, verdict)
        check.rows.append(row)
        if finding.outcome.value == "rival wins":
            remedy = options.get(finding.question) or _remedy(finding, verdict, sources, arguments)
            check.refusal[title] = (f"{row[1]} as imported, {row[2]} otherwise", remedy)
    check.record.update(_record(verdict))
    check.summary = _summary(verdict, "half-maps" if "half_map_1" in species.map_names() else "map")
    if not verdict.resembles:
        check.warnings.append(
            f"the reconstruction does not resemble the maps (FSC {verdict.likeness:.2f} at the "
            "longest periods): poses, table or maps may be wrong, or the particles too few"
        )
    return check


def _summary(verdict: "ImportVerdict", what: str) -> list[str]:
    bands = ", ".join(
        f"{each.fsc:.2f} ({each.longest_angstrom:.0f}-{each.shortest_angstrom:.0f} A)"
        for each in verdict.bands
    )
    lines = [
        f"  {verdict.particles} particles, {verdict.images} images of {verdict.series} series, "
        f"down to {verdict.finest_angstrom:.1f} A",
        f"  FSC to the {what} in a {verdict.masked_by}: {bands}",
    ]
    if verdict.outside is not None:
        lines.append(f"  particles outside all images: {verdict.outside:.1%}")
    return lines


def _row(
    title: str, finding: "Finding", verdict: "ImportVerdict"
) -> tuple[str, str, str, str, str]:
    told = finding.outcome.value + (f": {finding.reason}" if finding.reason else "")
    if finding.difference is None:
        return title, "-", "-", "-", told
    lead = f"{finding.difference.significance:+.1f}"
    if finding.scale is not None:
        pixel = verdict.pixel_size_angstrom
        return title, f"{pixel:.3f} A", f"{pixel * finding.scale:.3f} A", lead, told
    return title, f"{finding.difference.ours:.3f}", f"{finding.difference.rival:.3f}", lead, told


def _remedy(
    finding: "Finding",
    verdict: "ImportVerdict",
    sources: "Mapping[str, Mapping[str, Any]]",
    arguments: "argparse.Namespace",
) -> str:
    """What takes the rival in."""
    if finding.question == "map_hand":
        return "leave '--mirror-map' out" if arguments.mirror_map else "give '--mirror-map'"
    if finding.question == "pixel_size":
        scale = finding.scale or 1.0
        commands = _commands(
            sources, lambda facts: f"--pixel-size {facts['pixel_size_angstrom'] / scale:.4g}"
        )
        size = f"'--map-pixel-size {verdict.pixel_size_angstrom * scale:.4g}'"
        return f"give {size} if the maps are wrong, or run {commands} first if the images are"
    if finding.question == "series_hand":
        return f"run {_commands(sources, lambda facts: '--hand flip')} first"
    commands = _commands(sources, lambda facts: f"--depth-sign {-facts['hand']}")
    return f"run {commands} first"


def _commands(sources: "Mapping[str, Mapping[str, Any]]", option: "Any") -> str:
    return " and ".join(
        f"'mgit source set {name} {option(facts)}'" for name, facts in sources.items()
    )


def _judge_places(check: ImportCheck, rivals: "Sequence[CoordinateRival]") -> None:
    """Take in what the places of the particles say by themselves, unless images deny it."""
    asked = {row[0]: row[4] for row in check.rows}
    for rival in rivals:
        if not rival.likelier or asked.get(rival.name) == "agrees" or rival.name in check.refusal:
            continue
        share = f"{rival.outside:.1%} outside"
        check.rows.append((rival.name, "implausible", share, "-", "rival wins"))
        check.refusal[rival.name] = (f"{share} in this reading", f"give {rival.remedy}")
        break


def _record(verdict: "ImportVerdict") -> "dict[str, Any]":
    """The verdict as provenance and JSON keep it: numbers as decimal strings."""
    return {
        "particles": verdict.particles,
        "images": verdict.images,
        "series": verdict.series,
        "masked_by": verdict.masked_by,
        "outside": None if verdict.outside is None else _decimal(verdict.outside),
        "fsc": [
            {
                "longest_angstrom": _decimal(each.longest_angstrom),
                "shortest_angstrom": _decimal(each.shortest_angstrom),
                "fsc": _decimal(each.fsc),
            }
            for each in verdict.bands
        ],
        "findings": {each.question: _finding(each) for each in verdict.findings},
    }


def _finding(finding: "Finding") -> "dict[str, str]":
    record = {"outcome": finding.outcome.value}
    if finding.reason:
        record["reason"] = finding.reason
    if finding.scale is not None:
        record["scale"] = _decimal(finding.scale)
    if finding.difference is not None:
        record["as_imported"] = _decimal(finding.difference.ours)
        record["rival"] = _decimal(finding.difference.rival)
        record["sigma"] = _decimal(finding.difference.sigma)
    return record


def _decimal(value: float) -> str:
    return repr(round(value, 6))
