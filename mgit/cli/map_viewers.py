"""Maps handed to ChimeraX or napari."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mgit.cli.display_maps import display_map
from mgit.curate.export import exported_files
from mgit.curate.export_files import ExportedFile, place_files
from mgit.curate.map_filters import mean_map
from mgit.errors import InvalidState, NotFound, Refused
from mgit.state.names import component
from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.state.species import Species

__all__ = [
    "chimerax_script",
    "contour_level",
    "find_chimerax",
    "find_napari",
    "one_species",
    "open_in_napari",
    "start_chimerax",
    "write_chimerax_files",
]

PROGRAMS = ("chimerax", "ChimeraX")
SCRIPT = "view.cxc"
COLOURS = {
    "sharpened": "cornflowerblue",
    "filtered": "cornflowerblue",
    "mean_map": "cornflowerblue",
    "reference": "cornflowerblue",
    "half_map_1": "goldenrod",
    "half_map_2": "mediumpurple",
    "mask": "lightgray",
}
"""Maps in the order in which ChimeraX opens them; the first that there is is shown."""
MASK_LEVEL = 0.5
DEVIATIONS = 4.0
"""Standard deviations above the mean at which a map of unknown mass is contoured."""
PROTEIN_ANGSTROM3_PER_DALTON = 1.21


def one_species(reader: Reader, names: Sequence[str]) -> Species:
    """The species that is named, or the only one. Raises NotFound, and Refused for several."""
    population = Population(reader)
    found = [population.one_species(name) for name in dict.fromkeys(names)]
    found = found or list(population.species())
    if not found:
        raise NotFound("this revision has no species", hint="'mgit species add' imports one")
    if len(found) > 1:
        known = ", ".join(each.name for each in found)
        raise Refused(
            "a viewer shows one species at a time", hint=f"'--species NAME' with one of {known}"
        )
    return found[0]


def write_chimerax_files(reader: Reader, species: Species, directory: str | None) -> Path:
    """Write the maps of a species and a script that opens them; returns the script.

    directory: None makes one among the temporary files, which the system clears up. Raises
    InvalidState for a species without maps; Refused where files of these names stand already.
    """
    if not species.map_names():
        raise InvalidState("the species has no maps to show", species=species.name)
    found = exported_files(reader, form="mrc", species=[species.name])
    maps = [replace(each, path=f"{each.role}.mrc") for each in found]
    maps.sort(key=lambda each: list(COLOURS).index(each.role))
    text = chimerax_script([each.role for each in maps], species)

    def save(place: Path) -> None:
        place.write_text(text, encoding="utf-8")

    script = ExportedFile(path=SCRIPT, owner="population", save=save)
    place = Path(directory or tempfile.mkdtemp(prefix="mgit-view-"))
    place_files([*maps, script], place)
    return place.absolute() / SCRIPT


def chimerax_script(roles: Sequence[str], species: Species) -> str:
    """Commands that open '<role>.mrc' of each role beside the script, the first one shown."""
    title = component(species.name)[:-9]  # a name may hold quotes and line ends, its slug cannot
    shown = display_map(species)
    level = None if shown is None else contour_level(shown.values, species)
    lines = [
        "# made by mgit view",
        "set bgColor white",
        "lighting soft",
        "graphics silhouettes true",
    ]
    for number, role in enumerate(roles, 1):
        lines.append(f"open {role}.mrc id #{number}")
        lines.append(f'rename #{number} "{title} {role.replace("_", " ")}"')
        at = MASK_LEVEL if role == "mask" else level
        # A sharpened map has other values; ChimeraX finds a level for it by itself.
        where = "" if at is None or role == "sharpened" else f" level {at:.6g}"
        lines.append(f"volume #{number} step 1 style surface color {COLOURS[role]}{where}")
    lines += [f"hide #{number} models" for number in range(2, len(roles) + 1)]
    if "mask" in roles:
        lines.append(f"transparency #{list(roles).index('mask') + 1} 70")
    return "\n".join([*lines, "view", ""])


def contour_level(values: np.ndarray, species: Species) -> float:
    """The value that the expected volume of the particle exceeds, from its mass where known."""
    mass, pixel = (
        species.number(each) for each in ("molecular_weight_kilodalton", "pixel_size_angstrom")
    )
    if mass is not None and pixel is not None:
        voxels = round(1000 * mass * PROTEIN_ANGSTROM3_PER_DALTON / pixel**3)
        if 1 <= voxels < values.size:
            return float(np.partition(values, values.size - voxels, axis=None)[-voxels])
    return float(values.mean(dtype=np.float64) + DEVIATIONS * values.std(dtype=np.float64))


def start_chimerax(program: str, script: Path) -> None:
    """Start ChimeraX with a script and leave it running."""
    process = subprocess.Popen(
        [program, script.name],
        cwd=script.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    process.returncode = 0  # nobody waits for it; without this Python warns of a child that runs


def find_chimerax() -> str:
    """The program on the PATH. Raises NotFound, saying where to get it."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found is not None:
            return found
    raise NotFound(
        "ChimeraX is not on the PATH",
        program=PROGRAMS[0],
        hint="get it at https://www.rbvi.ucsf.edu/chimerax and put its 'bin' on the PATH, "
        "or write maps and a script with '--no-open --output DIR'",
    )


def open_in_napari(napari: Any, species: Species) -> None:
    """Show the maps of a species in napari, the module, until its window is closed.

    Raises InvalidState for a species without maps.
    """
    shown = display_map(species)
    if shown is None:
        raise InvalidState("the species has no maps to show", species=species.name)
    scale = (species.number("pixel_size_angstrom") or 1.0,) * 3
    viewer = napari.Viewer(title=f"mgit: {species.name}", ndisplay=3)
    layers = {name: species.map(name).read() for name in species.map_names()}
    if "half_map_1" in layers:
        layers["mean"] = mean_map(species)
    for name, values in layers.items():
        viewer.add_image(values, name=name, scale=scale, visible=False)
    viewer.add_image(shown.values, name=shown.description, scale=scale, rendering="attenuated_mip")
    napari.run()


def find_napari() -> Any:
    """The module. Raises NotFound, saying how to install it."""
    try:
        napari = import_module("napari")
    except ModuleNotFoundError as error:
        raise NotFound(
            "napari is not installed", hint="pip install 'napari[all]'", module=str(error.name)
        ) from error
    return napari
