"""What one round of refinement does: families of parameters, schedule, thresholds, presets."""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from mgit.errors import InvalidInput

__all__ = [
    "ALIASES",
    "PRESETS",
    "Choice",
    "RefineSettings",
    "parse_grid",
    "parse_percent",
    "read_recipe",
    "recipe",
]

Choice = Literal["auto", "on", "off"]
CHOICES = ("auto", "on", "off")

ALIASES: Mapping[str, str] = {
    "refine_imagewarp": "image_warp",
    "refine_particles": "particles",
    "refine_stageangles": "stage_angles",
    "ctf_defocus": "defocus",
    "ctf_defocusexhaustive": "defocus_exhaustive",
    "ctf_minresolution": "ctf_min_resolution",
    "iter": "iterations",
    "first_iteration_fraction": "first_iteration_fraction",
    "weight_threshold": "weight_threshold",
    "min_particles": "min_particles",
}
"""M's names of options, without dashes, and the field of RefineSettings each means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineSettings:
    """Options of one round. Raises InvalidInput, naming field and remedy, for values out of range.

    image_warp: nodes along x and y, or None not to refine it.
    iterations: sub-iterations of the round; the resolution rises linearly over them from
        `first_iteration_fraction` of Nyquist of the references to all of it.
    *_steps: accepted steps of the solver per stage.
    ctf_min_resolution: angstrom; CTF is refined where the references are better.
    holdout: share of particles that take no part in fitting deformation and optics.
    priors: whether changes are held back by Gaussians; auto: when an item has fewer than
        `few_particles`.
    ewald: whether reconstructions follow the curvature of the Ewald sphere; auto: when it matters.
    batch: images transformed at a time; a setting and no property of the machine.
    threads: of the kernels; no result depends on it. device: 'cpu', 'cuda' or 'cuda:N'.
    """

    image_warp: tuple[int, int] | None = None
    particles: bool = False
    stage_angles: bool = False
    defocus: bool = False
    defocus_exhaustive: bool = False
    iterations: int = 3
    first_iteration_fraction: float = 1.0
    start_resolution: float | None = None
    resolution: float | None = None
    ctf_min_resolution: float = 8.0
    weight_threshold: float = 0.25
    min_particles: int = 1
    holdout: float = 0.05
    priors: Choice = "auto"
    few_particles: int = 300
    warp_steps: int = 10
    stage_steps: int = 6
    pose_steps: int = 10
    defocus_steps: int = 10
    batch: int = 8
    threads: int = 1
    device: str = "cpu"
    ewald: Choice = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.image_warp is not None and not all(1 <= n <= 100 for n in self.image_warp):
            _refuse("image_warp", self.image_warp, "give 1 to 100 nodes, as in 6x4")
        for name in ("iterations", "seed"):
            if getattr(self, name) < 0:
                _refuse(name, getattr(self, name), "give 0 or more")
        for name in ("min_particles", "batch", "threads", "few_particles", "warp_steps"):
            if getattr(self, name) < 1:
                _refuse(name, getattr(self, name), "give 1 or more")
        for name in ("stage_steps", "pose_steps", "defocus_steps"):
            if getattr(self, name) < 1:
                _refuse(name, getattr(self, name), "give 1 or more")
        for name in ("start_resolution", "resolution", "ctf_min_resolution"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                _refuse(name, value, "give angstrom above 0")
        if not 0 < self.first_iteration_fraction <= 1:
            _refuse("first_iteration_fraction", self.first_iteration_fraction, "give 0 to 1")
        if not 0 < self.weight_threshold < 1:
            _refuse("weight_threshold", self.weight_threshold, "give more than 0, less than 1")
        if not 0 <= self.holdout < 0.5:
            _refuse("holdout", self.holdout, "give less than half, as in 5%")
        for name in ("priors", "ewald"):
            if getattr(self, name) not in CHOICES:
                _refuse(name, getattr(self, name), "give auto, on or off")
        if re.fullmatch(r"cpu|cuda(:[0-9]+)?", self.device) is None:
            _refuse("device", self.device, "give cpu, cuda or cuda:N")

    @property
    def refines_geometry(self) -> bool:
        """Whether any family of the geometry moves."""
        return self.particles or self.stage_angles or self.image_warp is not None

    @property
    def refines_optics(self) -> bool:
        """Whether defocus or astigmatism moves."""
        return self.defocus or self.defocus_exhaustive

    @property
    def deforms(self) -> bool:
        """Whether anything moves that particles share."""
        return self.image_warp is not None or self.stage_angles or self.refines_optics

    def of_extracted_particles(self) -> "RefineSettings":
        """The settings without the families that extracted images cannot tell: warp, defocus."""
        return replace(self, image_warp=None, defocus=False, defocus_exhaustive=False)

    def as_text(self) -> dict[str, str]:
        """Every option but `threads` as text that `with_options` reads back to an equal value."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        del found["threads"]
        return {name: _spelled(value) for name, value in found.items()}

    def with_options(self, options: Mapping[str, Any]) -> "RefineSettings":
        """The settings with options replaced; keys are fields, ours or M's, dashes or not.

        Text is converted to the field's type: `6x4`, `5%`, numbers, `true` and `false`.
        Raises InvalidInput for an unknown option and for text that cannot be read.
        """
        known = {each.name for each in fields(self)}
        changed: dict[str, Any] = {}
        for option, value in options.items():
            plain = option.lstrip("-").replace("-", "_")
            name = plain if plain in known else ALIASES.get(plain, "")
            if name not in known:
                raise InvalidInput(
                    "there is no such option of refinement",
                    hint="options are " + ", ".join(sorted(known)),
                    option=option,
                )
            try:
                changed[name] = _converted(name, value)
            except InvalidInput as error:
                error.fields.setdefault("option", name)
                raise
        return replace(self, **changed)


def parse_grid(text: str) -> tuple[int, int]:
    """Nodes along x and y from `WxH`. Raises InvalidInput unless both are positive integers."""
    found = re.fullmatch(r"\s*([1-9][0-9]{0,2})\s*[xX×]\s*([1-9][0-9]{0,2})\s*", text)
    if found is None:
        raise InvalidInput("a grid is not WxH", hint="write it as in 6x4", value=text)
    return int(found[1]), int(found[2])


def parse_percent(text: str) -> float:
    """A share from `5%` or `0.05`. Raises InvalidInput for anything else."""
    plain = text.strip()
    try:
        return float(plain[:-1]) / 100 if plain.endswith("%") else float(plain)
    except ValueError as error:
        raise InvalidInput("a share is no number", hint="as in 5%", value=text) from error


PRESETS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "first": (
        {"image_warp": (3, 3), "particles": True, "iterations": 3, "first_iteration_fraction": 0.6},
    ),
    "standard": (
        {"image_warp": (3, 3), "particles": True, "first_iteration_fraction": 0.6},
        {"image_warp": (3, 3), "particles": True, "iterations": 1, "priors": "off"},
        {
            "image_warp": (3, 3),
            "particles": True,
            "iterations": 1,
            "priors": "off",
            "defocus": True,
            "defocus_exhaustive": True,
            "ctf_min_resolution": 12.0,
        },
        {
            "image_warp": (3, 3),
            "particles": True,
            "iterations": 1,
            "priors": "off",
            "defocus": True,
            "ctf_min_resolution": 12.0,
        },
    ),
    "high-resolution": (
        {"image_warp": (4, 4), "particles": True, "stage_angles": True},
        {
            "image_warp": (6, 4),
            "particles": True,
            "stage_angles": True,
            "defocus": True,
            "defocus_exhaustive": True,
        },
        {"image_warp": (6, 4), "particles": True, "stage_angles": True, "defocus": True},
    ),
    "in-situ": (
        {"image_warp": (1, 1), "particles": True, "priors": "on", "first_iteration_fraction": 0.5},
        {"image_warp": (2, 2), "particles": True, "priors": "on"},
        {
            "image_warp": (2, 2),
            "particles": True,
            "stage_angles": True,
            "priors": "on",
            "defocus_exhaustive": True,
            "ctf_min_resolution": 12.0,
        },
    ),
}
"""Recipes by name: options of every round."""


def recipe(preset: str, *, rounds: int | None = None) -> tuple[RefineSettings, ...]:
    """Settings per round of a preset; the last round is repeated when more are asked for.

    Raises InvalidInput for a preset that does not exist or less than one round.
    """
    if preset not in PRESETS:
        raise InvalidInput(
            "there is no such preset", hint="presets are " + ", ".join(PRESETS), preset=preset
        )
    steps = [RefineSettings(**options) for options in PRESETS[preset]]
    count = len(steps) if rounds is None else rounds
    if count < 1:
        raise InvalidInput("a recipe needs at least one round", rounds=count)
    return tuple(steps[min(index, len(steps) - 1)] for index in range(count))


def read_recipe(text: str, *, file: str) -> tuple[RefineSettings, ...]:
    """Settings per round from a TOML text of tables `[[round]]`, each of options of refinement.

    Options may be written as on the command line, without the leading dashes. Raises InvalidInput,
    naming the file, for text that is no TOML, has no round, or holds an unknown option.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"a recipe is no TOML: {error}", file=file) from error
    rounds = document.pop("round", None)
    if document or not isinstance(rounds, list) or not rounds:
        raise InvalidInput(
            "a recipe is a list of rounds",
            hint="write a table [[round]] with options for every round, and nothing else",
            file=file,
            found=", ".join(document) or None,
        )
    steps = []
    for number, options in enumerate(rounds, start=1):
        try:
            steps.append(RefineSettings().with_options(options))
        except InvalidInput as error:
            error.fields.update(file=file, round=number)
            raise
    return tuple(steps)


def _spelled(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return "x".join(str(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse(name: str, value: object, hint: str) -> None:
    raise InvalidInput(
        "an option of refinement is out of range", hint=hint, option=name, value=value
    )


def _grid(value: Any) -> tuple[int, int]:
    """Nodes along x and y from a pair of whole numbers, as a recipe may write them."""
    pair = list(value) if isinstance(value, list | tuple) else [value]
    return parse_grid("x".join(str(each) for each in pair))


def _converted(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return _typed(name, value)
    text = value.strip()
    if text.lower() in ("none", "") and name in ("image_warp", "start_resolution", "resolution"):
        return None
    if name == "image_warp":
        return parse_grid(text)
    if name == "holdout":
        return parse_percent(text)
    kind = RefineSettings.__annotations__[name]
    if kind is str:
        return text
    if kind is bool:
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            _refuse(name, value, "give true or false")
        return text.lower() in ("true", "yes", "1")
    if name in ("priors", "ewald"):
        return text
    try:
        return int(text) if kind is int else float(text)
    except ValueError as error:
        raise InvalidInput("an option is no number", option=name, value=value) from error


def _typed(name: str, value: Any) -> Any:
    """A value that is no text, as TOML gives it; refused where it is not of the field's kind."""
    if name == "image_warp":
        return None if value is None else _grid(value)
    kind = RefineSettings.__annotations__[name]
    if kind is bool:
        right, hint = type(value) is bool, "give true or false"
    elif kind is int:
        right, hint = type(value) is int, "give a whole number"
    elif kind is str or name in ("priors", "ewald"):
        right, hint = False, "give a text in quotes"
    else:
        missing = value is None and name in ("start_resolution", "resolution")
        right, hint = missing or type(value) in (int, float), "give a number"
    if not right:
        _refuse(name, value, hint)
    return value
