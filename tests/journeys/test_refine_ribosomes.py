"""Real ribosomes, extracted: poses put out of place come back by the command line alone."""

import shutil

import numpy as np
import pytest

from mgit.geometry.poses import turned_angles
from mgit.refine.plan import particle_set, plan_reconstruction
from tests.cli.sessions import Session
from tests.refine.ribosomes import FOLDER, imported, median_errors

COLUMNS = 15
ANGLES, ORIGINS = slice(5, 8), slice(11, 14)


@pytest.fixture(autouse=True)
def author(tmp_path, monkeypatch):
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def put_out_of_place(text, random, *, degrees, angstrom):
    """The table with every particle turned about a random axis and moved in a random way."""
    lines = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) == COLUMNS:
            turn, step = (random.normal(size=3) for _ in range(2))
            turn *= degrees / np.linalg.norm(turn)
            step *= angstrom / np.linalg.norm(step)
            angles = np.array([[[float(each) for each in fields[ANGLES]]]])
            moved = turned_angles(angles, turn[None, None]).ravel()
            fields[ANGLES] = [f"{each:.6f}" for each in moved]
            # Origins are taken away from coordinates; images stay centred on these.
            fields[ORIGINS] = [f"{-each:.6f}" for each in step]
        lines.append("\t".join(fields))
    return "\n".join(lines) + "\n"


def in_order_of_the_table(plan):
    """Poses per series, by name, in the order of the imported table."""
    found = {}
    for part in plan.parts:
        order = np.argsort(plan.particles.source_row[part.rows])
        poses = particle_set(plan, part).poses
        found[part.item.name] = type(poses)(
            position=poses.position[order], angles=poses.angles[order]
        )
    return [found[name] for name in sorted(found)]


@pytest.mark.slow
def test_poses_out_of_place_come_back(tmp_path, capsys, shared_data):
    folder = tmp_path / "data"
    shutil.copytree(shared_data / FOLDER, folder)
    table = folder / "particles.star"
    random = np.random.default_rng(0)
    table.write_text(put_out_of_place(table.read_text(), random, degrees=10, angstrom=12))
    session = Session(tmp_path, capsys)
    for words in (
        ["init", "--name", "ribosomes"],
        ["source", "add", "rib", "--relion", str(folder / "optimisation_set.star"), "--raw",
         str(folder)],
        ["species", "add", "rib", "--particles", str(table), "--coordinate-pixel-size", "12",
         "--new-split", "--diameter", "300", "--mirror-map", "--map-pixel-size", "12",
         "--reference", str(folder / "initial_reference.mrc"), "--no-check"],
    ):  # fmt: skip
        assert session(*words) == 0, session.err
    deposited = in_order_of_the_table(imported(tmp_path / "deposited", shared_data).plan)
    errors = [median_errors(poses(session), deposited)]
    assert session("refine", "--image-warp", "2x2", "--particles") == 1
    assert "image_warp" in session.err
    assert session("refine", "--particles", "--start-resolution=60", "--resolution=30") == 0
    errors.append(median_errors(poses(session), deposited))
    assert errors[0][0] > 8
    assert errors[1][0] < 5.5
    assert errors[1][1] < 0.85
    provenance = session.json("show", "HEAD")["provenance"]
    assert provenance["raw_level"] == "extracted_stack"


def poses(session):
    (plan,) = plan_reconstruction(session.repository.snapshot(session.tip()))
    return in_order_of_the_table(plan)
