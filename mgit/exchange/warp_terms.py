"""Which parts of Warp's item XML are applied, which are inert, and the refusal of all others.

Everything imported is applied: a term that is neither applied nor known to be inert is refused by
name as soon as it carries a value other than zero.
"""

from collections.abc import Iterable, Iterator, Mapping

from mgit.errors import Unsupported
from mgit.exchange.decimal_text import to_float
from mgit.exchange.warp_fields import Field, Place
from mgit.exchange.warp_optics import parameters
from mgit.exchange.xml_document import XmlDocument, XmlElement

__all__ = ["refuse_unknown_terms"]

INERT_PREFIXES = ("Options", "Picking")
"""Settings of the program and picking thresholds."""

INERT_ELEMENTS = frozenset(
    {
        "FOVFraction",
        "MoviePath",
        "PS1D",
        "SimulatedBackground",
        "SimulatedScale",
        "TiltPS1D",
        "TiltSimulatedBackground",
        "TiltSimulatedScale",
    }
)
"""Power spectra, their fits and file names."""

INERT_ATTRIBUTES = frozenset(
    {
        "CTFResolutionEstimate",
        "DataDirectory",
        "MaskPercentage",
        "MeanFrameMovement",
        "PlaneNormal",
        "UnselectFilter",
        "UnselectManual",
    }
)
"""Figures of merit, selection flags (read on their own) and a plane fit that no geometry uses."""

INERT_PARAMETERS = frozenset(
    {
        "Defocus",
        "DefocusAngle",
        "DefocusDelta",
        "EnergySpread",
        "IceIntensity",
        "IceOffset",
        "IceStd",
        "IllumAngle",
        "PhaseShift",
        "PixelSize",
        "PixelSizeAngle",
        "Thickness",
        "BfactorAngle",
    }
)
"""Means that the grids supersede, fit settings, and directions that matter only beside a term."""

NEUTRAL_PARAMETERS: Mapping[str, tuple[float, ...]] = {
    "Bfactor": (0.0,),
    "BfactorDelta": (0.0,),
    "BeamTilt": (0.0, 0.0),
    "BeamTilt2": (1.0, 0.0, 1.0),
    "Distortion": (1.0, 0.0, 0.0, 1.0),
    "PixelSizeDeltaPercent": (0.0,),
    "Scale": (1.0,),
}
"""Terms that cannot be applied, with the value at which they do nothing."""


def refuse_unknown_terms(document: XmlDocument, fields: Iterable[Field]) -> None:
    """Refuse every non-zero term that is neither read by `fields` nor inert.

    Raises Unsupported, naming the node, and InvalidInput for a malformed CTF node.
    """
    known: dict[Place, set[str]] = {"attribute": set(), "node": set(), "parameter": set()}
    for field in fields:
        known[field.place].add(field.label)
    root = document.root
    for name, text in root.attributes.items():
        if name not in known["attribute"] and name not in INERT_ATTRIBUTES and _carries_value(text):
            raise _unsupported(document, f"attribute '{name}'", root, text)
    for element in root.children:
        inert = element.tag in INERT_ELEMENTS or element.tag.startswith(INERT_PREFIXES)
        if not inert and element.tag not in known["node"] and element.tag != "CTF":
            for text in _values_below(element):
                if _carries_value(text):
                    raise _unsupported(document, f"node '{element.tag}'", element, text)
    ctf = document.child(root, "CTF")
    for name, node in parameters(document, ctf).items():
        if name in known["parameter"] or name in INERT_PARAMETERS:
            continue
        text = node.attributes["Value"]
        if name in NEUTRAL_PARAMETERS:
            if _numbers(document, node, text) != NEUTRAL_PARAMETERS[name]:
                raise _unsupported(document, f"CTF parameter '{name}'", node, text)
        elif _carries_value(text):
            raise _unsupported(document, f"CTF parameter '{name}'", node, text)


def _values_below(element: XmlElement) -> Iterator[str]:
    yield element.text
    yield from (element.attributes[name] for name in ("Value",) if name in element.attributes)
    for child in element.children:
        yield from _values_below(child)


def _carries_value(text: str) -> bool:
    """Whether a text is anything but empty, False, null or zeros."""
    for part in text.replace(";", " ").replace(",", " ").replace("|", " ").split():
        if part.lower() in ("false", "null"):
            continue
        try:
            if to_float(part) != 0.0:
                return True
        except ValueError:
            return True
    return False


def _numbers(document: XmlDocument, node: XmlElement, text: str) -> tuple[float, ...]:
    try:
        return tuple(to_float(part) for part in text.split(","))
    except ValueError as error:
        raise document.fault("a value is not a finite number", node, value=text[:40]) from error


def _unsupported(document: XmlDocument, what: str, node: XmlElement, text: str) -> Unsupported:
    return Unsupported(
        f"{what} holds a term that cannot be applied",
        hint="set it to its neutral value if the images do not need it, then import again",
        file=document.file,
        node=node.path,
        value=text.strip()[:40],
    )
