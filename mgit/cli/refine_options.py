"""The options of `mgit refine`, ours and M's, and the settings of every round they mean."""

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from mgit.refine.settings import RefineSettings

__all__ = ["FAMILIES", "add_options", "given_options", "refuse_changes", "settings_of"]

FAMILIES = ("image_warp", "particles", "stage_angles", "defocus", "defocus_exhaustive")
TEXTS: "tuple[tuple[str, str, str, str, str | None], ...]" = (
    ("geometry", "--image-warp", "WxH", "warp of every image on a grid", "--refine_imagewarp"),
    ("imaging", "--ctf-min-resolution", "A", "optics move where references are better; 8",
     "--ctf_minresolution"),
    ("imaging", "--ewald", "auto|on|off", "curvature of the Ewald sphere in the maps", None),
    ("course", "--iter", "N", "sub-iterations in a round; default: 3", None),
    ("course", "--start-resolution", "A", "resolution of the first sub-iteration", None),
    ("course", "--resolution", "A", "no finer than this", None),
    ("course", "--first-iteration-fraction", "X", "of the resolution in the first sub-iteration",
     "--first_iteration_fraction"),
    ("course", "--weight-threshold", "X", "exposure weight below which frequencies are left out; "
     "default: 0.25", "--weight_threshold"),
    ("course", "--min-particles", "N", "leave series with fewer alone; default: 1",
     "--min_particles"),
    ("course", "--holdout", "PERCENT", "particles that judge deformation and optics; default: 5%%",
     None),
    ("course", "--priors", "auto|on|off", "hold changes back by weak Gaussians", None),
    ("course", "--seed", "N", "of everything random; default: 0", None),
)  # fmt: skip
FLAGS = (
    ("geometry", "--particles", "positions and orientations", "--refine_particles"),
    (
        "geometry",
        "--stage-angles",
        "orientation of the stage in every tilt",
        "--refine_stageangles",
    ),
    ("imaging", "--defocus", "defocus and astigmatism of every tilt", "--ctf_defocus"),
    ("imaging", "--defocus-exhaustive", "search the defocus first", "--ctf_defocusexhaustive"),
)


def add_options(parser: "argparse.ArgumentParser") -> None:
    """Add the options of refinement, in groups."""
    import argparse

    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: HEAD")
    groups = {name: parser.add_argument_group(name) for name in ("geometry", "imaging", "course")}
    for group, flag, text, alias in FLAGS:
        groups[group].add_argument(flag, action="store_true", default=None, help=text)
        _alias(groups[group], alias, flag, argparse.SUPPRESS, action="store_true", default=None)
    for group, flag, metavar, text, other in TEXTS:
        groups[group].add_argument(flag, metavar=metavar, help=text)
        if other is not None:
            _alias(groups[group], other, flag, argparse.SUPPRESS)
    course = groups["course"]
    course.add_argument(
        "--preset", metavar="NAME", help="first, standard, high-resolution, in-situ"
    )
    course.add_argument("--recipe", metavar="FILE", help="options per round, TOML")
    course.add_argument("--rounds", type=int, metavar="N", help="default: all of the recipe")
    course.add_argument(
        "--species", action="append", default=[], metavar="NAME", help="only this one; repeatable"
    )
    course.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="refine only its series"
    )
    course.add_argument("--force", action="store_true", help="move the branch though it is worse")
    course.add_argument(
        "--null-test", action="store_true", help="repeat every round on noise and compare"
    )
    course.add_argument("--branch", metavar="NEW", help="where a REV that is no tip goes on")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N")
    machine.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes; default: 1"
    )
    machine.add_argument("--threads", type=int, metavar="N", help="default: cores over workers")
    machine.add_argument(
        "--resume", action="store_true", help="go on with the last one that stopped"
    )
    recording = parser.add_argument_group("recording")
    recording.add_argument("-m", "--message", help="message of every round's commit")
    recording.add_argument("--dry-run", action="store_true", help="print the plan")
    recording.add_argument(
        "--sign", action="store_true", help="sign with the key of 'user.signingkey'"
    )


def _alias(
    group: "argparse._ArgumentGroup", alias: str, flag: str, hidden: str, **options: "Any"
) -> None:
    """M's spelling of an option: it works and is not listed."""
    group.add_argument(alias, dest=_name(flag), help=hidden, **options)


def _name(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def given_options(arguments: "argparse.Namespace") -> "dict[str, Any]":
    """The options of a round that stand on the command line, by field of the settings."""
    found: dict[str, Any] = {}
    for flag in [each[1] for each in FLAGS] + [each[1] for each in TEXTS]:
        value = getattr(arguments, _name(flag))
        if value is not None:
            found[_name(flag)] = value
    return found


def refuse_changes(arguments: "argparse.Namespace") -> None:
    """Raises InvalidInput, naming the options, when a run to be resumed is told what to do."""
    from mgit.errors import InvalidInput

    given = [*given_options(arguments)]
    given += [name for name in ("preset", "recipe", "rounds", "message") if _set(arguments, name)]
    given += [name for name in ("species", "source") if getattr(arguments, name)]
    given += ["revision"] if arguments.revision != "HEAD" else []
    if given:
        raise InvalidInput(
            "a refinement goes on as it was asked for",
            hint="give '--resume' alone, or leave it away to begin another refinement",
            options=", ".join(f"--{name.replace('_', '-')}" for name in given),
        )


def _set(arguments: "argparse.Namespace", name: str) -> bool:
    return getattr(arguments, name) is not None


def settings_of(
    arguments: "argparse.Namespace", *, device: str, threads: int
) -> "tuple[RefineSettings, ...]":
    """Settings of every round: of a recipe or preset, changed by the options that are given.

    Raises InvalidInput, naming the option, and NotFound for a recipe that is not there.
    """
    from dataclasses import replace
    from pathlib import Path

    from mgit.errors import InvalidInput, NotFound
    from mgit.refine.settings import RefineSettings, read_recipe, recipe

    options = given_options(arguments)
    if arguments.recipe is not None and arguments.preset is not None:
        raise InvalidInput("a recipe and a preset are given", hint="a preset is a recipe")
    if arguments.recipe is not None:
        file = Path(arguments.recipe)
        if not file.is_file():
            raise NotFound("no such file", file=file, field="--recipe")
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput("a recipe is no text in UTF-8", file=file) from error
        steps = read_recipe(text, file=str(file))
    elif arguments.preset is None and any(name in options for name in FAMILIES):
        steps = (RefineSettings(),)
    else:
        steps = recipe(arguments.preset or "first")
    count = len(steps) if arguments.rounds is None else arguments.rounds
    if count < 1:
        raise InvalidInput("at least one round is needed", option="rounds", value=count)
    steps = tuple(steps[min(index, len(steps) - 1)] for index in range(count))
    found = []
    for index, step in enumerate(steps):
        changed = step.with_options(options)
        if index and "start_resolution" in options:
            changed = replace(changed, start_resolution=step.start_resolution)
        found.append(replace(changed, device=device, threads=threads))
    return tuple(found)
