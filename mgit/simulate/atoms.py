"""Atomic models as sums of Gaussians: one Gaussian per atom, as heavy as its atomic number."""

import gzip
from pathlib import Path

import numpy as np

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.simulate.molecule import Molecule

__all__ = ["read_atoms"]

ATOMIC_NUMBERS = {
    "H": 1, "D": 1, "C": 6, "N": 7, "O": 8, "F": 9, "NA": 11, "MG": 12, "P": 15, "S": 16,
    "CL": 17, "K": 19, "CA": 20, "MN": 25, "FE": 26, "CO": 27, "NI": 28, "CU": 29, "ZN": 30,
    "SE": 34, "BR": 35, "I": 53,
}  # fmt: skip
WATER = {"HOH", "WAT", "SOL", "TIP", "TIP3"}
PDB_LINE = 54
"""Columns of a PDB record up to the coordinates' end."""
COORDINATES = ("_atom_site.Cartn_x", "_atom_site.Cartn_y", "_atom_site.Cartn_z")

Atom = tuple[str, float, float, float]


def read_atoms(path: Path, *, width_angstrom: float) -> Molecule:
    """The first model of a PDB or mmCIF file (also gzipped), centred on its centre of mass.

    width_angstrom: standard deviation of every atom. Water is left out.

    Raises NotFound, InvalidInput for a file without atoms or with a malformed one, and Unsupported
    for an element without a known atomic number.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound("the atomic model does not exist", file=path) from error
    name = path.name.lower()
    if name.endswith(".gz"):
        content, name = gzip.decompress(content), name.removesuffix(".gz")
    lines = content.decode("utf-8", "replace").splitlines()
    reader = _mmcif if name.endswith((".cif", ".mmcif")) else _pdb
    try:
        atoms = reader(lines)
    except (ValueError, IndexError) as error:
        raise InvalidInput("an atom record is malformed", file=path) from error
    if not atoms:
        raise InvalidInput("the file holds no atoms", file=path, hint="give a PDB or mmCIF file")
    unknown = sorted({element for element, *_ in atoms} - ATOMIC_NUMBERS.keys())
    if unknown:
        raise Unsupported("an element is not known", file=path, element=unknown[0])
    weights = np.array([ATOMIC_NUMBERS[element] for element, *_ in atoms], dtype=np.float64)
    centres = np.array([place for _, *place in atoms], dtype=np.float64)
    centres -= np.average(centres, axis=0, weights=weights)
    return Molecule(centres=centres, widths=np.full(len(atoms), width_angstrom), weights=weights)


def _pdb(lines: list[str]) -> list[Atom]:
    atoms: list[Atom] = []
    for line in lines:
        if line.startswith("ENDMDL"):
            break
        if not line.startswith(("ATOM  ", "HETATM")) or line[17:20].strip() in WATER:
            continue
        if len(line) < PDB_LINE:
            raise ValueError("a record is too short")
        if line[16] not in " A1":  # alternative places of one atom
            continue
        x, y, z = (float(line[at : at + 8]) for at in (30, 38, 46))
        atoms.append((_element(line[76:78], line[12:16]), x, y, z))
    return atoms


def _element(field: str, name: str) -> str:
    """The element's symbol; old files without that field start the atom's name with it."""
    symbol = field.strip().upper()
    if symbol in ATOMIC_NUMBERS:
        return symbol
    return (name[:2].strip().lstrip("0123456789") or name.strip()[:1]).upper()


def _mmcif(lines: list[str]) -> list[Atom]:
    labels: list[str] = []
    atoms: list[Atom] = []
    first_model = ""
    for line in lines:
        if line.startswith("_atom_site."):
            labels.append(line.split()[0])
        elif labels and line.startswith(("ATOM", "HETATM")):
            row = dict(zip(labels, line.split(), strict=True))
            if row.get("_atom_site.label_comp_id") in WATER:
                continue
            if row.get("_atom_site.label_alt_id", ".") not in {".", "?", "A", "1"}:
                continue
            model = row.get("_atom_site.pdbx_PDB_model_num", "1")
            first_model = first_model or model
            if model == first_model:
                x, y, z = (float(row[column]) for column in COORDINATES)
                atoms.append((row["_atom_site.type_symbol"].upper(), x, y, z))
        elif atoms and line.startswith("#"):
            break
    return atoms
