"""What tilt-series and movie XML have in common: reading a table of fields and patching it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from mgit.errors import InvalidState
from mgit.exchange.decimal_text import attribute_text, to_text
from mgit.exchange.records import Document, GridValues, RawFile
from mgit.exchange.report import FieldReport, PatchedDocument, Verdict
from mgit.exchange.warp_fields import Canonical, Field, Scope, number, vector
from mgit.exchange.warp_optics import parameters
from mgit.exchange.xml_document import Edit, XmlDocument
from mgit.exchange.xml_report import with_every_node

__all__ = [
    "LevelAngle",
    "Selection",
    "common_attributes",
    "patch_fields",
    "raw_files",
    "read_fields",
    "root_name",
    "same_values",
]

NEUTRAL_ARRAYS = {"ctf_scale": 1.0, "exposure_weight": 1.0, "location_weight": 1.0}
"""Values at which an array does nothing, where that is not zero."""
MAX_EER_GROUP = 100_000


def root_name(path: str) -> str:
    """The series' name: the file name without directories and extension, as Warp derives it."""
    return PurePosixPath(path.replace("\\", "/")).stem


def read_fields(fields: Iterable[Field], scope: Scope) -> dict[str, Canonical]:
    """Canonical values of all fields of a document."""
    values: dict[str, Canonical] = {}
    for field in fields:
        values.update(field.read(scope))
    return values


def patch_fields(
    fields: Iterable[Field], scope: Scope, document: Document, values: Mapping[str, Canonical]
) -> PatchedDocument:
    """Rewrite what differs between the document and `values`, and say what became of each field."""
    edits: list[Edit] = []
    report: list[FieldReport] = []
    owned: set[str] = set()
    for field in fields:
        wanted = {name: value for name, value in values.items() if _owns(field, name)}
        owned.update(wanted)
        old = field.read(scope)
        verdict: Verdict = "kept"
        made: list[Edit] = []
        if not same_values(old, wanted) and (old or field.insertable):
            made = field.write(scope, wanted)
            if made:
                verdict = "added" if not old else "patched" if wanted else "dropped"
        edits += made
        count = len(made) if made else max(1, sum(_size(value) for value in old.values()))
        report.append(
            FieldReport(
                document=scope.document.file, field=field.label, verdict=verdict, count=count
            )
        )
    for name in sorted(values.keys() - owned):
        value = values[name]
        lost = _acting(name, value.values) if isinstance(value, GridValues) else 0
        if lost:
            report.append(
                FieldReport(
                    document=scope.document.file, field=f"({name})", verdict="dropped", count=lost
                )
            )
    content = scope.document.apply(edits)
    return PatchedDocument(
        document=replace(document, content=content),
        report=with_every_node(report, scope.document),
    )


def _acting(name: str, values: np.ndarray) -> int:
    """How many values of an array that the format has no place for are not neutral."""
    neutral = NEUTRAL_ARRAYS.get(name, 0.0)
    return int(np.count_nonzero(values != neutral))


def _owns(field: Field, name: str) -> bool:
    return any(
        name.startswith(own[:-3]) and name[len(own) - 3 :].isdigit()
        if own.endswith("<j>")
        else name == own
        for own in field.names
    )


def same_values(a: Mapping[str, Canonical], b: Mapping[str, Canonical]) -> bool:
    """Whether two sets of canonical values are equal to the last bit."""
    return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)


def _same(a: Canonical, b: Canonical) -> bool:
    if isinstance(a, GridValues) and isinstance(b, GridValues):
        return (
            a.values.shape == b.values.shape
            and a.values.dtype == b.values.dtype
            and a.values.tobytes() == b.values.tobytes()
            and a.attributes.get("margins") == b.attributes.get("margins")
        )
    return type(a) is type(b) and a == b


def _size(value: Canonical) -> int:
    return value.values.size if isinstance(value, GridValues) else 1


class LevelAngle(Field):
    """A level angle of the whole series as one value per tilt; absent in Warp 1.0.9, zero then."""

    place = "attribute"

    def __init__(self, label: str, name: str) -> None:
        self.label, self.names = label, (name,)

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: (n,) float64}`, degrees."""
        root = scope.document.root
        angle = number(scope.document, root, root.attributes.get(self.label, "0"))
        return {self.names[0]: GridValues(values=np.full(scope.tilts, angle))}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Sets the attribute. Raises InvalidState if the angle differs between tilts."""
        values = vector(wanted.get(self.names[0]), self.label, scope.tilts)
        if not bool((values == values[0]).all()):
            raise InvalidState("Warp holds one level angle for all tilts", field=self.names[0])
        return [
            scope.document.set_attribute(scope.document.root, self.label, to_text(float(values[0])))
        ]


class Selection(Field):
    """Whether the item is excluded: by hand, or by the filter when the hand said nothing."""

    label = "UnselectManual"
    place = "attribute"
    names = ("excluded",)

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{"excluded": bool}`."""
        root = scope.document.root
        by_hand = self._flag(scope, root.attributes.get("UnselectManual", ""))
        if by_hand is None:
            by_hand = self._flag(scope, root.attributes.get("UnselectFilter", ""))
        return {"excluded": bool(by_hand)}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Sets the choice by hand, which overrules the filter."""
        text = str(bool(wanted.get("excluded")))
        return [scope.document.set_attribute(scope.document.root, self.label, text)]

    def _flag(self, scope: Scope, text: str) -> bool | None:
        word = text.strip().lower()
        if word in ("", "null"):
            return None
        if word not in ("true", "false"):
            raise scope.document.fault("a selection flag is neither True nor False", value=text)
        return word == "true"


def common_attributes(document: XmlDocument) -> dict[str, Canonical]:
    """Facts that Warp copies from its settings into every item: pixel size, gain flips, EER groups.

    Raises InvalidInput for values that are no numbers or flags.
    """
    options = document.optional_child(document.root, "OptionsCTF")
    if options is None:
        return {}
    texts = {name: node.attributes["Value"] for name, node in parameters(document, options).items()}
    result: dict[str, Canonical] = {}
    pixel = texts.get("PixelSize", texts.get("PixelSizeX", ""))
    if pixel:
        size = number(document, options, pixel)
        if not size > 0:
            raise document.fault("the pixel size must be positive", options, value=pixel)
        if "PixelSizeY" in texts and number(document, options, texts["PixelSizeY"]) != size:
            raise document.fault("pixels that are not square cannot be applied", options)
        result["pixel_size_angstrom"] = attribute_text(size)
    if texts.get("GainPath"):
        for label, name in (
            ("GainFlipX", "gain_flip_x"),
            ("GainFlipY", "gain_flip_y"),
            ("GainTranspose", "gain_transpose"),
        ):
            result[name] = texts.get(label, "False").strip().lower() == "true"
    group = texts.get("EERGroupFrames", "0").strip()
    if group.isdigit() and 0 < int(group) < MAX_EER_GROUP:
        result["eer_grouping"] = int(group)
    return result


def raw_files(document: XmlDocument, role: str, paths: Sequence[str]) -> tuple[RawFile, ...]:
    """The raw files of an item in order, then its gain reference and defect map if named."""
    files = [RawFile(role=role, path=path) for path in paths]
    options = document.optional_child(document.root, "OptionsCTF")
    texts = {} if options is None else parameters(document, options)
    for label, kind in (("GainPath", "gain"), ("DefectsPath", "defects")):
        if label in texts and texts[label].attributes["Value"]:
            files.append(RawFile(role=kind, path=texts[label].attributes["Value"]))
    return tuple(files)
