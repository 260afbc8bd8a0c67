import gzip

import numpy as np
import pytest

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.simulate.atoms import read_atoms

PDB = """\
HEADER    MADE UP
ATOM      1  N   GLY A   1      10.000  20.000  30.000  1.00  0.00           N
ATOM      2  CA AGLY A   1      11.000  20.000  30.000  0.50  0.00           C
ATOM      3  CA BGLY A   1      19.000  20.000  30.000  0.50  0.00           C
HETATM    4  O   HOH A   2      50.000  50.000  50.000  1.00  0.00           O
ATOM      5  S   CYS A   3      10.000  22.000  33.000
ENDMDL
ATOM      6  C   GLY A   1      90.000  20.000  30.000  1.00  0.00           C
"""
CIF = """\
data_made
loop_
_atom_site.group_PDB
_atom_site.type_symbol
_atom_site.label_comp_id
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.pdbx_PDB_model_num
ATOM N GLY 10.0 20.0 30.0 1
ATOM C GLY 11.0 20.0 30.0 1
HETATM O HOH 50.0 50.0 50.0 1
ATOM S CYS 10.0 22.0 33.0 1
ATOM C GLY 90.0 20.0 30.0 2
#
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.pdb", PDB.encode()), ("a.cif", CIF.encode()), ("a.pdb.gz", gzip.compress(PDB.encode()))],
)
def test_the_first_model_is_read_without_water_and_alternatives(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    molecule = read_atoms(tmp_path / name, width_angstrom=2.0)
    assert molecule.weights.tolist() == [7, 6, 16]
    assert (molecule.widths == 2.0).all()
    apart = molecule.centres[1:] - molecule.centres[0]
    assert np.allclose(apart, [[1, 0, 0], [0, 2, 3]])
    assert np.allclose(molecule.weights @ molecule.centres, 0)


@pytest.mark.parametrize("name", ["1MNF.pdb.gz", "hiv_ca_sp1_modelangelo.cif"])
def test_real_models_are_read(shared_data, name):
    molecule = read_atoms(shared_data / "models" / name, width_angstrom=2.0)
    assert len(molecule.weights) > 10_000
    assert 50 < molecule.radius_angstrom < 200


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(NotFound):
        read_atoms(tmp_path / "none.pdb", width_angstrom=2.0)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("REMARK nothing here\n", InvalidInput),
        ("ATOM      1  N   GLY A   1      10.000\n", InvalidInput),
        ("ATOM      1  N   GLY A   1      10.000  20.000  xx.000\n", InvalidInput),
        (
            "ATOM      1  U   GLY A   1      10.000  20.000  30.000  1.00  0.00           U\n",
            Unsupported,
        ),
    ],
)
def test_a_bad_model_is_refused_by_file(tmp_path, content, error):
    file = tmp_path / "bad.pdb"
    file.write_text(content)
    with pytest.raises(error) as caught:
        read_atoms(file, width_angstrom=2.0)
    assert str(caught.value.fields["file"]).endswith("bad.pdb")
