"""Right imports pass the check; wrong ones are stopped with the option that mends them."""

from dataclasses import replace

import pytest

from mgit.simulate.settings import PRESETS
from mgit.simulate.tilt_series import simulate_tilt_series
from tests.cli.sessions import Session

EXPERIMENT = replace(
    PRESETS["demo"],
    particles=40,
    tilts=11,
    image_size_px=320,
    snr=0.5,
    **dict.fromkeys(
        (
            "position_error_angstrom",
            "angle_error_degree",
            "shift_error_angstrom",
            "axis_angle_error_degree",
            "stage_angle_error_degree",
            "warp_error_angstrom",
            "defocus_error_angstrom",
            "astigmatism_error_angstrom",
        ),
        0.0,
    ),
)
RIGHT_HAND = "--mirror-map"
EXPORT_PIXELS = ("--coordinate-pixel-size", "12")


@pytest.fixture(autouse=True)
def author(tmp_path, monkeypatch):
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


class Import:
    """A population with a source, and `species add` with what every attempt has."""

    def __init__(self, session, *words):
        self.session, self.words = session, words

    def __call__(self, *words):
        """Try to add the species; the exit code."""
        return self.session("species", "add", "made", *self.words, *words)

    def stopped(self, *words):
        """Try, expect a refusal that records nothing; the hint."""
        tip = self.session.tip()
        assert self(*words) == 1, self.session.out
        assert self.session.tip() == tip
        assert "import check: stopped" in self.session.out
        return next(line for line in self.session.err.splitlines() if line.startswith("hint:"))


@pytest.fixture
def ribosomes(tmp_path, capsys, shared_data):
    """Real ribosomes: 20 particles as CTF-multiplied stacks; the map has the other hand."""
    folder = shared_data / "ribosome_warptools_particles"
    session = Session(tmp_path, capsys)
    for words in (
        ("init", "--name", "ribosome"),
        ("source", "add", "rib", "--relion", str(folder / "optimisation_set.star")),
        ("source", "link", "rib", str(folder)),
    ):
        assert session(*words) == 0, session.err
    return Import(
        session,
        *("--reference", str(folder / "initial_reference.mrc"), "--new-split"),
        *("--particles", str(folder / "particles.star"), "--diameter", "300"),
    )


def test_real_ribosomes_pass_with_the_right_options_and_the_commit_keeps_the_verdict(ribosomes):
    record = ribosomes.session.json(
        "species", "add", "made", *ribosomes.words, RIGHT_HAND, *EXPORT_PIXELS
    )["import_check"]
    outcomes = {name: each["outcome"] for name, each in record["findings"].items()}
    assert record["verdict"] == "passed"
    assert outcomes == {
        "map_hand": "agrees",
        "pixel_size": "agrees",
        "series_hand": "agrees",
        "depth_sign": "unknown",
    }
    assert float(record["fsc"][0]["fsc"]) > 0.9
    provenance = ribosomes.session.json("show", "HEAD")["provenance"]
    assert provenance["metrics"]["import_check"] == record


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (EXPORT_PIXELS, "--mirror-map"),
        ((RIGHT_HAND,), "--coordinate-pixel-size 12"),
        ((RIGHT_HAND, *EXPORT_PIXELS, "--map-pixel-size", "12.48"), "--map-pixel-size 11.9"),
        pytest.param(
            (RIGHT_HAND, *EXPORT_PIXELS, "--map-pixel-size", "11.52"),
            "--map-pixel-size 11.9",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_wrong_import_of_real_ribosomes_is_stopped(ribosomes, words, remedy):
    assert remedy in ribosomes.stopped(*words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        (("--pixel-size", "1.7337"), "'mgit source set rib --pixel-size 1.6"),
        (("--hand", "flip"), "'mgit source set rib --hand flip'"),
    ],
)
def test_a_wrong_series_of_real_ribosomes_is_stopped(ribosomes, wrong, remedy):
    assert ribosomes.session("source", "set", "rib", *wrong) == 0
    assert remedy in ribosomes.stopped(RIGHT_HAND, *EXPORT_PIXELS)


def test_everything_wrong_at_once_is_named_at_once_and_imported_only_on_demand(ribosomes):
    hint = ribosomes.stopped()
    assert "--mirror-map" in hint
    assert "--coordinate-pixel-size 12" in hint
    assert ribosomes("--no-check") == 0
    assert "import check: skipped" in ribosomes.session.out


@pytest.mark.slow
def test_an_update_with_a_map_of_the_other_hand_is_stopped(ribosomes):
    assert ribosomes(RIGHT_HAND, *EXPORT_PIXELS) == 0
    session, reference = ribosomes.session, ribosomes.words[1]
    update = ("species", "update", "made", "--reference", reference)
    assert session(*update) == 1
    assert "'--mirror-map'" in session.err
    assert session(*update, RIGHT_HAND, "--no-check", "-m", "the same again") == 1
    assert "nothing" in session.err


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Simulated tilt images whose metadata are the truth."""
    root = tmp_path_factory.mktemp("simulated") / "data"
    simulate_tilt_series(root, EXPERIMENT, seed=3)
    return root


@pytest.fixture
def simulated(tmp_path, capsys, data):
    """A population that the tilt images are linked to."""
    session = Session(tmp_path, capsys)
    source = ("source", "add", "sim", "--relion", str(data / "tomograms.star"), "--raw", str(data))
    for words in (("init", "--name", "toy"), source):
        assert session(*words) == 0, session.err
    return Import(session, "--reference", str(data / "truth_map.mrc"), "--diameter", "150")


def in_pixels(data, folder):
    """The particle table of the data with coordinates in pixels from the corner, as RELION 4's."""
    lines = (data / "particles.star").read_text().splitlines()
    columns = [line.split()[0] for line in lines if line.startswith("_rlnCenteredCoordinate")]
    names = [line.split()[0] for line in lines if line.startswith("_rln")]
    table = names[names.index("_rlnTomoName") :]
    at = [table.index(column) for column in columns]
    x, y, z = EXPERIMENT.volume_px
    renamed = []
    for line in lines:
        words = line.split()
        if words and words[0] in columns:
            line = line.replace("Centered", "").replace("Angst", "")
        elif len(words) == len(table) and not line.startswith(("_", "#")):
            for place, size in zip(at, (x, y, z), strict=True):
                words[place] = repr(float(words[place]) / EXPERIMENT.pixel_size_angstrom + size / 2)
            line = " ".join(words)
        renamed.append(line)
    file = folder / "pixels.star"
    file.write_text("\n".join(renamed) + "\n")
    return file


@pytest.mark.slow
def test_simulated_tilt_images_pass_and_hold_the_sign_of_the_depth(simulated, data):
    assert simulated("--particles", str(data / "particles.star")) == 0, simulated.session.err
    rows = [line for line in simulated.session.out.splitlines() if line.endswith("agrees")]
    assert len(rows) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        (("--depth-sign", "1"), "'mgit source set sim --depth-sign -1'"),
        (("--hand", "flip"), "'mgit source set sim --hand flip'"),
        (("--pixel-size", "4.16"), "'mgit source set sim --pixel-size 4'"),
    ],
)
def test_a_wrong_source_of_simulated_images_is_stopped(simulated, data, wrong, remedy):
    assert simulated.session("source", "set", "sim", *wrong) == 0
    assert remedy in simulated.stopped("--particles", str(data / "particles.star"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        (("--mirror-map",), "leave '--mirror-map' out"),
        (("--map-pixel-size", "3.84"), "--map-pixel-size 4"),
    ],
)
def test_a_wrong_map_of_simulated_images_is_stopped(simulated, data, wrong, remedy):
    assert remedy in simulated.stopped("--particles", str(data / "particles.star"), *wrong)


@pytest.mark.slow
def test_images_tell_which_pixels_coordinates_count(simulated, data, tmp_path):
    table = str(in_pixels(data, tmp_path))
    hint = simulated.stopped("--particles", table, "--coordinate-pixel-size", "2.5")
    assert "--coordinate-pixel-size 4" in hint
    assert simulated("--particles", table) == 0, simulated.session.err
