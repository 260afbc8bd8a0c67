"""`mgit simulate`: make data with a known truth."""

from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.simulate.settings import Settings
    from mgit.simulate.tilt_series import Simulated

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "make tilt series with a known truth"
DESCRIPTION = """Simulate tilt series: images, metadata with errors, and the truth about them.

Particles of one asymmetric molecule, each with its own orientation and depth, are
projected exactly, go through the CTF at their own defocus, and lose contrast with
exposure and tilt; images have dark particles in white noise. The metadata for Warp
and for RELION 5 describe a starting state with errors in poses, shifts, tilt axis,
stage angles, image warp and defocus; truth/ holds the true state in Warp's form
and truth.json everything (docs/howto/simulate.md). Equal options and seed give
equal files.

examples:
  mgit simulate data --preset demo
  mgit simulate data --particles 300 --tilts 41 --size 640 --snr 0.05 --seed 7
  mgit simulate groel --atoms 1MNF.pdb.gz --diameter 180 --box 96
  mgit source add sim --relion data/tomograms.star --raw data
  mgit species add made --particles data/particles.star --diameter 150
"""

OPTIONS: "tuple[tuple[str, str, type, str, str], ...]" = (
    ("--particles", "particles", int, "N", "particles of all series together"),
    ("--series", "series", int, "N", "tilt series"),
    ("--tilts", "tilts", int, "N", "tilts per series"),
    ("--size", "image_size_px", int, "PX", "edge of the images"),
    ("--pixel-size", "pixel_size_angstrom", float, "A", "pixel size"),
    ("--thickness", "thickness_angstrom", float, "A", "thickness of the slab"),
    ("--box", "box_px", int, "PX", "box of the truth map"),
    ("--diameter", "diameter_angstrom", float, "A", "diameter of the particle"),
    ("--snr", "snr", float, "X", "variance of a particle over that of the noise; inf: no noise"),
    ("--solvent", "solvent", float, "X", "structured noise, in units of the white noise"),
    ("--exposure", "exposure_per_tilt", float, "E", "exposure per tilt, e/A^2"),
    ("--defocus", "defocus_angstrom", float, "A", "underfocus"),
    ("--hand", "hand", int, "+1|-1", "sign of the change of defocus with z in the image"),
    ("--position-error", "position_error_angstrom", float, "A", "of particles, per axis"),
    ("--angle-error", "angle_error_degree", float, "DEG", "of particles, root mean square"),
    ("--shift-error", "shift_error_angstrom", float, "A", "per tilt and axis"),
    ("--axis-error", "axis_angle_error_degree", float, "DEG", "of the tilt axis, per tilt"),
    ("--tilt-error", "tilt_angle_error_degree", float, "DEG", "of the tilt angle, per tilt"),
    ("--stage-error", "stage_angle_error_degree", float, "DEG", "of stage angles, per axis"),
    ("--warp-error", "warp_error_angstrom", float, "A", "of image-warp nodes, per axis"),
    ("--warp-grid", "warp_grid", int, "N", "nodes of the image warp along x and y"),
    ("--volume-warp-error", "volume_warp_error_angstrom", float, "A", "of volume-warp nodes"),
    ("--defocus-error", "defocus_error_angstrom", float, "A", "per tilt"),
)


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("where", metavar="DIR", help="is made; must not hold anything")
    parser.add_argument("--kind", choices=("tilt",), default="tilt", help="only tilt series so far")
    parser.add_argument(
        "--preset", choices=("demo", "tiny"), default="demo", help="what options start from"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random; default: 0")
    parser.add_argument("--atoms", metavar="FILE", help="PDB or mmCIF; default: a made-up molecule")
    for flag, name, kind, metavar, text in OPTIONS:
        parser.add_argument(flag, dest=name, type=kind, metavar=metavar, help=text)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Simulate, and say what stands where."""
    from pathlib import Path

    from mgit.simulate.tilt_series import simulate_tilt_series

    settings = _settings(arguments)
    with console.progress("simulating", total=settings.tilts * settings.series, unit="images") as b:
        made = simulate_tilt_series(
            Path(arguments.directory, arguments.where),
            settings,
            seed=arguments.seed,
            atoms=Path(arguments.directory, arguments.atoms) if arguments.atoms else None,
            advance=b.advance,
        )
    _tell(made, console)
    console.json(
        {
            "directory": str(made.directory),
            "images": made.images,
            "particles": settings.particles,
            "seed": arguments.seed,
            "truth": str(made.directory / "truth.json"),
        }
    )
    return ExitCode.OK


def _settings(arguments: "argparse.Namespace") -> "Settings":
    from dataclasses import replace

    from mgit.simulate.settings import PRESETS

    given = {name: getattr(arguments, name) for _, name, *_ in OPTIONS}
    changes = {name: value for name, value in given.items() if value is not None}
    return replace(PRESETS[arguments.preset], **changes)


def _tell(made: "Simulated", console: Console) -> None:
    settings = made.truth.settings
    console.out(
        f"simulated {settings.particles} particles in {made.images} images of "
        f"{settings.image_size_px} px at {settings.pixel_size_angstrom:g} A in {made.directory}"
    )
    console.out(f"  signal-to-noise ratio of a particle image: {settings.snr:g}")
    console.out("  starting state: tomograms.star, particles.star; warp_tiltseries.settings")
    console.out("  truth: truth.json, truth_map.mrc, truth/")
    console.note(f"next: 'mgit source add sim --relion {made.directory}/tomograms.star'")
