"""Makes the frozen repository of format version 1; its data are made up and always the same.

    python -m tests.golden.make_v1 --freeze     writes tests/golden/v1 again

Freezing is done once per format version. What is frozen stays: a change that makes these numbers
differ is a new format version, or a mistake. `make` alone builds the same history elsewhere, which
the tests compare with the frozen one.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mgit.digest import RawDigest
from mgit.history import branches, tags
from mgit.history.commits import Signature
from mgit.history.repository import Repository
from mgit.history.signing import Signer
from mgit.history.undo import undo
from mgit.state.digests import set_inputs
from mgit.state.particles import build_particles
from mgit.state.population import Population
from mgit.state.raw import RawEntry
from mgit.state.series import (
    set_excluded,
    set_raw,
    set_use,
    update_item_arrays,
    update_item_attributes,
    write_item,
)
from mgit.state.source import write_source
from mgit.state.species import (
    set_maps,
    set_metrics,
    set_network,
    set_particles,
    update_species_attributes,
    write_species,
)

FROZEN = Path(__file__).resolve().parent / "v1"
ARCHIVE = FROZEN / "population.tar.gz"
EXPECTED = FROZEN / "expected.json"
ALLOWED_SIGNERS = FROZEN / "allowed_signers"
SIGNER = "ada@example.org"

TABLE = b"data_particles\n\nloop_\n_rlnCoordinateX #1\n"
DOCUMENT = "<TiltSeries note='gr\u00fc\u00dfe \u65e5\u672c'/>\r\n".encode()
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
SIGNED = ("int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64")


@dataclass(frozen=True)
class Document:
    role: str
    path: str
    content: bytes


def who(hour):
    """Ada at a fixed time, an hour apart for every step."""
    return Signature("Ada Exämple", SIGNER, 1_750_000_000 + 3600 * hour, 7200)


def numbers(*shape, scale=1.0):
    """Values that are exact in binary, so that every machine makes the same bits."""
    count = int(np.prod(shape))
    return ((np.arange(count) * 37 % 101 - 50) / 64.0 * scale).reshape(shape)


def ball(edge, radius, level):
    """A map that is zero outside of a small ball and one far corner: `(z, y, x)` float32."""
    axis = np.arange(edge) - edge // 2
    square = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
    values = np.where(square <= radius**2, level + square % 7 / 8, 0.0).astype(np.float32)
    values[-2:, -2:, -2:] = level
    return values


def tilt_arrays(tilts=5):
    angles = np.linspace(-40.0, 40.0, tilts)
    grid = {"margins": ["0", "0", "12.5"]}
    return {
        "tilt_angle": (angles, {}),
        "axis_angle": (np.full(tilts, 84.25), {}),
        "exposure": (np.arange(tilts) * 3.0, {}),
        "use": (np.arange(tilts) != 3, {}),
        "defocus": (25000.0 + numbers(tilts, scale=512), {}),
        "image_warp_x": (numbers(tilts, 3, 4), grid),
        "image_warp_y": (np.zeros((tilts, 3, 4)), grid),
        "volume_warp_z": (numbers(2, 2, 3, 3), grid),
        "magnification": (np.array([[1.0, 0.0078125], [-0.0078125, 1.0]]), {}),
        "image_deformation": (numbers(tilts, 6), {"type": "polynomial", "grid": "", "unit": ""}),
    }


def frame_arrays():
    return {
        "defocus": (np.array([18000.5]), {}),
        "global_motion_x": (numbers(8, 1, 1), {"margins": ["0", "0", "0"]}),
        "motion_pyramid_x_0": (numbers(4, 2, 2), {"margins": ["0", "0", "0"]}),
        "motion_polynomial": (numbers(36), {}),
    }


def add_sources(draft):
    write_source(
        draft,
        "tomography 2024/grid 1",
        kind="tilt_series",
        attributes={"pixel_size_angstrom": "1.35", "notes": ["made up"]},
        documents=[Document("warp_settings", "a.settings", b"<Settings/>")],
    )
    raw = [
        RawEntry(role="movie", path=f"frames/TS_01_{tilt}.eer", size=10 + tilt,
                 digest=str(RawDigest.of(b"frame", bytes([tilt]))))
        for tilt in range(5)
    ]  # fmt: skip
    write_item(
        draft,
        "tomography 2024/grid 1",
        name="TS_01",
        kind="tilt_series",
        attributes={
            "pixel_size_angstrom": "1.35",
            "voltage_kilovolt": "300",
            "hand": -1,
            "volume_dimensions_angstrom": ["4000", "4000", "1500.5"],
            "image_size_px": [4096, 4096],
            "excluded": False,
        },
        arrays=tilt_arrays(),
        raw=raw,
        documents=[Document("warp_tilt_series_xml", "TS_01.xml", DOCUMENT)],
        aliases=["TS_01.tomostar"],
    )
    write_source(draft, "単粒子", kind="frame_series")
    write_item(
        draft,
        "単粒子",
        name="FoilHole_30513428_Data_30496421_4_20240506_170254_fractions_tiff",
        kind="frame_series",
        attributes={"pixel_size_angstrom": "0.00005", "gain_flip_x": True, "frame_count": 8},
        arrays=frame_arrays(),
    )


def table(items, *, count=12, shift=0.0, samples=2):
    return build_particles(
        RawDigest.of(TABLE),
        positions=1000.0 + numbers(count, samples, 3, scale=256) + shift,
        angles=numbers(count, samples, 3, scale=100),
        half_sets=(np.arange(count) % 2 + 1).astype(np.uint8),
        item_ids=[items[row % len(items)] for row in range(count)],
        trajectories=numbers(count, 5, 3),
        passthrough={
            "rlnClassNumber": np.arange(count, dtype=np.int32) % 3,
            "rlnScore (new)": numbers(count),
            "rlnMicrographName": ["", "b/ä.mrc", "a.mrc"] * (count // 3),
        },
    )


def add_species(draft):
    items = {each.name: each for each in Population(draft).items()}
    path = write_species(
        draft,
        "ribosome/70S",
        attributes={
            "diameter_angstrom": "300",
            "symmetry": "C1",
            "pixel_size_angstrom": "5",
            "applied_columns": ["rlnClassNumber", "rlnMicrographName"],
            "ewald": True,
            "resolution_angstrom": "12.5",
        },
        particles=table(sorted(each.id for each in items.values())),
        half_maps=(ball(66, 6, 1.0), ball(66, 6, 2.0)),
        mask=np.zeros((66, 66, 66), np.float32),
        documents=[Document("particles_star", "particles.star", TABLE)],
    )
    set_inputs(draft, path, [each.state for each in items.values()])
    set_network(draft, path, {"layer0.weight": numbers(3, 4).astype(np.float32)})
    return path


def add_metrics(draft, path):
    """Every element type, no element, no axis, more than one chunk of rows."""
    arrays = {f"of_{name}": (np.arange(-1, 5).astype(name), {}) for name in SIGNED}
    arrays |= {f"of_{name}": (np.arange(6).astype(name), {}) for name in UNSIGNED}
    arrays["of_bool"] = (np.arange(6) % 2 == 0, {})
    arrays["nothing"] = (np.zeros((0, 3)), {})
    arrays["one_number"] = (np.array(12.5), {"unit": "angstrom"})
    arrays["negative_zero"] = (np.array([0.0, -0.0]), {})
    long = np.zeros(2**19 + 5)
    long[[3, -1]] = 1.0
    arrays["two_chunks"] = (long, {})
    set_metrics(draft, path, arrays)


def commit(repository, hour, message, change, *, verb="set", sign=None, **options):
    """One commit of what `change(draft)` does."""
    with repository.transaction(verb=verb, **options) as transaction:
        change(transaction.draft)
        return transaction.commit(
            message=message,
            who=who(hour),
            provenance={"settings": {"step": str(hour)}, "inputs": ["grüße"]},
            sign=sign,
        )


def item(draft, name):
    return next(each.path for each in Population(draft).items() if each.name.startswith(name))


def species(draft):
    return Population(draft).species()[0].path


def make(directory, *, key=None):
    """Build the history below `directory`. key: an SSH key that signs the last commit."""
    repository = Repository.init(str(directory), name="golden ✓", who=who(0))
    commit(repository, 1, "Add two sources", add_sources, verb="source add")
    commit(repository, 2, "Add the ribosome", add_species, verb="species add")
    commit(repository, 3, "Add metrics", lambda draft: add_metrics(draft, species(draft)))
    tags.create(repository, "v1.0", message="First estimate", who=who(4))
    branches.create(repository, "poses", who=who(5))
    make_both_sides(repository)
    merge(repository)
    commit(repository, 12, "Undone later", lambda draft: set_excluded(
        draft, item(draft, "TS_01"), excluded=True, reason="ice"))  # fmt: skip
    undo(repository, who=who(13))
    signer = None if key is None else Signer(key_path=str(key))
    commit(
        repository, 14, "Learn the raw data of the movie\n\nWith a body.", bind_movie, sign=signer
    )
    return repository


def make_both_sides(repository):
    def deformation(draft):
        path = item(draft, "TS_01")
        update_item_arrays(
            draft,
            path,
            {"image_warp_y": (numbers(5, 3, 4, scale=2), {"margins": ["0", "0", "0"]}),
             "volume_warp_z": None},
        )  # fmt: skip
        set_use(draft, path, np.ones(5, dtype=bool))
        set_inputs(draft, path, [Population(draft).species()[0].state])

    def poses(draft):
        items = sorted(each.id for each in Population(draft).items())
        set_particles(draft, species(draft), table(items, shift=1.5))
        set_maps(draft, species(draft), half_maps=(ball(66, 7, 1.5), ball(66, 6, 2.0)))

    commit(repository, 6, "Refine the deformation", deformation)
    commit(repository, 7, "Refine the poses", poses, branch="poses")
    commit(repository, 8, "Refine at 10 Å", lambda draft: update_species_attributes(
        draft, species(draft), {"resolution_override_angstrom": "10", "ewald": None}
    ), branch="poses")  # fmt: skip


def merge(repository):
    """Ours with the species of theirs."""
    ours, theirs = repository.resolve("main"), repository.resolve("poses")
    other = repository.snapshot("poses")
    commit(
        repository,
        11,
        "Merge 'poses'",
        lambda draft: draft.take("species", other, "species"),
        verb="merge",
        parents=(ours, theirs),
    )


def bind_movie(draft):
    path = item(draft, "FoilHole")
    quick = str(RawDigest.of(b"samples"))
    set_raw(draft, path, [RawEntry(role="movie", path="a.tiff", quick=quick, size=7),
                          RawEntry(role="gain", path="gain.mrc",
                                   digest=str(RawDigest.of(b"gain")))])  # fmt: skip
    update_item_attributes(draft, path, {"exposure_per_frame": "1.25", "gain_flip_x": None})


# --- what is expected of a reader ----------------------------------------------------------------


def paths_of_arrays(reader, path=""):
    for name in reader.children(path):
        child = f"{path}/{name}" if path else name
        if reader.is_array(child):
            yield child
        else:
            yield from paths_of_arrays(reader, child)


def sha256(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def expected_of(repository):
    """Commits of all refs, the oldest first, with states, roots and digests of every array."""
    commits, contents = {}, {}
    starts = {repository.resolve(full) for full in repository.refs.all()}
    walked = {each.id: each for start in sorted(starts) for each in repository.walk(start)}
    for record in sorted(walked.values(), key=lambda each: each.committer_time):
        snapshot = repository.snapshot(record.id)
        population = Population(snapshot)
        arrays = {}
        for path in paths_of_arrays(snapshot):
            handle = snapshot.array(path)
            content = arrays[path] = str(handle.content)
            if content not in contents:
                shape = list(handle.shape)
                digest = sha256(handle.read())
                contents[content] = {"dtype": handle.dtype.str, "shape": shape, "sha256": digest}
        commits[record.id] = {
            "arrays": arrays,
            "parents": list(record.parents),
            "root": record.root,
            "signed": record.signature is not None,
            "state": record.state,
            "states": {
                each.path: str(each.state) for each in (*population.items(), *population.species())
            },
            "subject": record.subject,
            "tree": record.tree,
        }
    return {"commits": commits, "contents": contents, "refs": dict(repository.refs.all())}


# --- freezing ------------------------------------------------------------------------------------


def pack(directory):
    """A directory as a gzipped tar without times, owners and order of creation."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(Path(directory).rglob("*")):
            entry = archive.gettarinfo(path, path.relative_to(directory).as_posix())
            entry.mtime = entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if path.is_dir() else 0o644
            if path.is_file():
                with path.open("rb") as stream:
                    archive.addfile(entry, stream)
            else:
                archive.addfile(entry)
    return gzip.compress(buffer.getvalue(), 9, mtime=0)


def new_key(folder):
    """An SSH key without passphrase and the list that allows it; None without ssh-keygen."""
    if shutil.which("ssh-keygen") is None:
        return None
    key = Path(folder) / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "golden", "-f", str(key)]
    subprocess.run(command, check=True)
    return key


def freeze():
    """Write the archive, what is expected, and the public key of the throw-away signer."""
    with tempfile.TemporaryDirectory() as folder:
        key = new_key(folder)
        repository = make(Path(folder) / "population", key=key)
        FROZEN.mkdir(exist_ok=True)
        shutil.rmtree(repository.layout.cache)
        os.mkdir(repository.layout.cache)
        text = json.dumps(expected_of(repository), indent=1, sort_keys=True, ensure_ascii=False)
        EXPECTED.write_text(text + "\n", encoding="utf-8")
        ARCHIVE.write_bytes(pack(repository.root))
        if key is not None:
            public = key.with_suffix(".pub").read_text()
            ALLOWED_SIGNERS.write_text(f"{SIGNER} {public}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--freeze"]:
        sys.exit("say --freeze: tests/golden/v1 is made once per format version")
    freeze()
