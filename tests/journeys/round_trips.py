"""Every document of the test data that is read, by which verb, and what comes out of an export.

Run as a program, it writes the table of docs/formats.md anew.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.journeys.independent import differences, fields
from tests.journeys.terminal import new_population

__all__ = ["CASES", "PAGE", "Case", "Row", "row_of", "table_in", "table_of"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "formats.md"
BEGIN, END = "<!-- round trips: begin -->", "<!-- round trips: end -->"
HEADER = "| documents | files | verbs and options | verdict | fields |\n|---|---|---|---|---|"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One import: command lines where `{}` stands for the file, and the verdict it must get."""

    path: str
    verbs: tuple[str, ...]
    verdict: str = "identical"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of one import: its documents, the verdict, and how many fields were compared."""

    case: Case
    files: int
    verdict: str
    fields: int
    changed: dict

    def __str__(self):
        verbs = "; ".join(
            f"`{verb.replace('{}', 'FILE').replace('{root}/', '')}`" for verb in self.case.verbs
        )
        return f"| {self.case.path} | {self.files} | {verbs} | {self.verdict} | {self.fields} |"


RELION = "source add s --relion {}"
WARP = "source add s --warp {}"
SPECIES = "species add p --particles {} --diameter 100"
SPLIT = f"{SPECIES} --new-split"
SERIES_AND_SPECIES = (RELION, SPECIES)
ADDED = "only rlnRandomSubset added"
REFUSED = "refused"


def _cases(verbs, *paths, verdict="identical"):
    return [Case(path=path, verbs=verbs, verdict=verdict) for path in paths]


HIV = "relion5_hiv_project"
ZOO = "metadata_zoo"
APO = "apoferritin_warp_relion5_stars"
RIBOSOME = "ribosome_warptools_particles"
CASES = (
    *_cases(
        (RELION,),
        f"{HIV}/Import/job001/tilt_series.star",
        f"{HIV}/MotionCorr/job002/corrected_tilt_series.star",
        f"{HIV}/CtfFind/job003/tilt_series_ctf.star",
        f"{HIV}/ExcludeTiltImages/job004/selected_tilt_series.star",
        f"{HIV}/AlignTiltSeries/job005/aligned_tilt_series.star",
        f"{HIV}/Tomograms/job006/tomograms.star",
        f"{HIV}/CtfRefine/job027/tomograms.star",
        f"{HIV}/CtfRefine/job027/optimisation_set.star",
        f"{HIV}/Polish/job030/tomograms.star",
        f"{HIV}/Polish/job030/optimisation_set.star",
    ),
    *_cases(
        (f"source add s --relion {{root}}/{HIV}/Polish/job030/tomograms.star", SPECIES),
        f"{HIV}/Refine3D/job023/run_data.star",
    ),
    *_cases(
        (RELION,),
        f"{HIV}/Extract/job020/optimisation_set.star",
        f"{HIV}/Refine3D/job023/run_optimisation_set.star",
        f"{HIV}/MotionCorr/job002/frames/TS_01_000_0_0.star",
        verdict=REFUSED,
    ),
    *_cases((RELION,), f"{APO}/warp2_matching_tomograms.star"),
    *_cases(
        (
            f"source add s --relion {{root}}/{APO}/warp2_matching_tomograms.star",
            f"{SPLIT} --coordinate-pixel-size 4",
        ),
        f"{APO}/warp2_particles_matching.star",
        verdict=ADDED,
    ),
    *_cases((RELION,), f"{APO}/warp2_matching_optimisation_set.star", verdict=REFUSED),
    *_cases((RELION,), f"{RIBOSOME}/optimisation_set.star", f"{RIBOSOME}/tomograms.star"),
    *_cases(
        (RELION, f"{SPLIT} --coordinate-pixel-size 12"),
        f"{RIBOSOME}/particles.star",
        verdict=ADDED,
    ),
    *_cases((WARP,), "warp_xml_golden", "warp_xml_golden/xf_import"),
    *_cases((WARP,), *(f"{ZOO}/{name}" for name in ("warp109_ts017", "warp109_ts018"))),
    *_cases((WARP,), f"{ZOO}/warptools_pytom"),
    *_cases(
        (RELION,),
        f"{ZOO}/relion_repo_tilt_series/tilt_series_metadata/tilt_series.star",
        f"{ZOO}/mdoc/tilt_series.mdoc",
        f"{ZOO}/mdoc/frame_set_single.mdoc",
        f"{ZOO}/mdoc/frame_set_multiple.mdoc",
        f"{ZOO}/frames_mdoc",
        f"{ZOO}/warp109_ts017/017.mdoc",
        f"{ZOO}/warp109_ts018/018.mdoc",
    ),
    *_cases(
        SERIES_AND_SPECIES,
        f"{ZOO}/relion_particles/relion_4.0.star",
        f"{ZOO}/relion_particles/relion31_sta/run_it025_data.star",
        f"{ZOO}/relion_particles/relion_3.1_optics2.star",
        f"{ZOO}/relion4_refine/refine.star",
    ),
    *_cases((RELION, SPLIT), f"{ZOO}/relion_particles/relion_3.0.star", verdict=ADDED),
    *_cases(
        (f"{SPLIT} --create-source s --coordinate-pixel-size 4",),
        f"{ZOO}/stopgap/class6_er_mr1_1_sg.star",
        f"{ZOO}/dynamo_after_M/bin1.6_SG_j013_afterM_24k_subtomos_MN_Dyn_v2.tbl",
    ),
    *_cases((f"{RELION} --skip-missing",), f"{ZOO}/relion5_pytom/Tomograms/job009/tomograms.star"),
    *_cases(
        (RELION,),
        f"{ZOO}/mdoc/montage_section.mdoc",
        f"{ZOO}/mdoc/montage_section_multiple.mdoc",
        verdict=REFUSED,
    ),
)


def row_of(case, shared_data, scratch):
    """Import, commit and export one case; compare every file with what it came from."""
    mgit = new_population(scratch / "population")
    for verb in case.verbs:
        words = [
            word.replace("{}", str(shared_data / case.path)).replace("{root}", str(shared_data))
            for word in verb.split()
        ]
        code, out = mgit.try_to(*words)
        if code:
            assert (code, "error:" in mgit.err) in ((1, True), (5, True)), out + mgit.err
            return Row(case=case, files=0, verdict=REFUSED, fields=0, changed={})
    out = scratch / "out"
    documents = [file["path"] for file in mgit("export", out)["files"]]
    changed, compared, equal = {}, 0, True
    for path in documents:
        original = _original(path, shared_data / case.path)
        equal &= original.read_bytes() == (out / path).read_bytes()
        compared += len(fields(original))
        found = differences(original, out / path)
        changed.update({(path, place): values for place, values in found.items()})
    verdict = _verdict(changed, equal)
    return Row(case=case, files=len(documents), verdict=verdict, fields=compared, changed=changed)


def _original(path, given):
    """The imported file: exports write paths below the project directory."""
    for root in (given, *given.parents):
        if (root / path).is_file():
            return root / path
    raise AssertionError(f"'{path}' is not a document of the import")


def _verdict(changed, equal):
    if equal and not changed:
        return "identical"
    columns = {place[1] for _, place in changed}
    if columns == {"rlnRandomSubset"} and all(before is None for before, _ in changed.values()):
        return ADDED
    return "different"


def table_of(rows):
    """The table as docs/formats.md shows it."""
    return "\n".join([HEADER, *map(str, rows)])


def table_in(page):
    """The table that a page holds between its marks."""
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def main():
    """Write the table of docs/formats.md."""
    shared_data = ROOT.parent / "shared" / "data"
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(row_of(case, shared_data, Path(scratch)))
        sys.stderr.write(f"{rows[-1]}\n")
    page = PAGE.read_text("utf-8")
    head, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{table_of(rows)}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
