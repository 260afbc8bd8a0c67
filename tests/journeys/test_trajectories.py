"""RELION's motion.star travels with its particles: in, out byte for byte, and in again."""

import json

from mgit.exchange.relion_documents import read_optimisation_set
from mgit.simulate.made_project import TILTS, make_project


def write_motion(path, names):
    """A motion.star with a different path for every particle."""
    blocks = [f"# made up\n\ndata_general\n\n_rlnParticleNumber {len(names)}\n"]
    for number, name in enumerate(names):
        rows = [f"{(tilt - 20) * 0.01 * number:.6f} 0.100000 0.0\n" for tilt in range(TILTS)]
        columns = "".join(f"_rlnOrigin{axis}Angst #{at}\n" for at, axis in enumerate("XYZ", 1))
        blocks.append(f"\ndata_{name}\n\nloop_\n{columns}{''.join(rows)}")
    path.write_text("".join(blocks))


def test_motion_survives_a_round_trip_through_the_optimisation_set(mgit_process, tmp_path):
    made = make_project(tmp_path / "relion", particles_per_series=3)
    names = [word for word in made.particles.read_text().split() if word.startswith("TS_0")]
    motion = made.directory / "motion.star"
    write_motion(motion, [name for name in names if "/" in name])

    def population(name, tomograms, *table):
        directory = tmp_path / name
        for words in (
            ("init", directory, "--name", "p"),
            ("-C", directory, "source", "add", "s", "--relion", tomograms),
            ("-C", directory, "species", "add", "b", "--diameter", 150, *table),
        ):
            done = mgit_process(*words)
            assert done.returncode == 0, done.stderr
        return directory

    first = population(
        "first", made.tomograms, "--particles", made.particles, "--trajectories", motion
    )
    done = mgit_process("-C", first, "export", tmp_path / "out", "--to", "relion")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/motion.star").read_bytes() == motion.read_bytes()
    optimisation_set = tmp_path / "out/b_optimisation_set.star"
    named = read_optimisation_set(optimisation_set.read_bytes(), path="set.star")
    assert named.trajectories == "motion.star"

    tomograms = tmp_path / "out" / named.tomograms
    second = population("second", tomograms, "--particles", optimisation_set)
    states = [
        json.loads(mgit_process("-C", each, "species", "show", "b", "--json").stdout)["state"]
        for each in (first, second)
    ]
    assert states[0] == states[1]
