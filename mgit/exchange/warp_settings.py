"""Warp's settings files: `.settings` of Warp 2 and `previous.settings` of Warp 1.0.9."""

from dataclasses import dataclass

from mgit.exchange.decimal_text import to_float
from mgit.exchange.warp_optics import parameters
from mgit.exchange.xml_document import XmlDocument, XmlElement, parse_xml

__all__ = ["WarpSettings", "read_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarpSettings:
    """What the import of a data source needs of the settings.

    dimensions_px: x, y, z of the tomogram in unbinned pixels; None for frame series.
    exposure_per_frame: e/A^2; None when the file gives the exposure of the whole movie instead.
    exposure_total: e/A^2 of one movie or tilt; None when the file gives it per frame.
    processing_folder, data_folder: as written, relative to the settings file; may be empty.
    """

    pixel_size_angstrom: float
    dimensions_px: tuple[int, int, int] | None
    exposure_per_frame: float | None
    exposure_total: float | None
    eer_group_frames: int | None
    gain_path: str
    gain_flip_x: bool
    gain_flip_y: bool
    gain_transpose: bool
    defects_path: str
    data_folder: str
    processing_folder: str
    extension: str


def read_settings(content: bytes, path: str) -> WarpSettings:
    """Read a settings file; `path` is how errors call it.

    Raises InvalidInput, naming file and node, when the pixel size is absent or not positive, when
    pixels are not square, and for values that are not what their field needs.
    """
    document = parse_xml(content, path)
    if document.root.tag != "Settings":
        raise document.fault(
            "the root node is not 'Settings'",
            hint="give a .settings file, or the directory that holds the XML of the items",
        )
    top = _texts(document, document.root)
    imports = _texts(document, document.child(document.root, "Import"))
    tomo_node = document.optional_child(document.root, "Tomo")
    tomo = {} if tomo_node is None else _texts(document, tomo_node)
    exposure = _number(document, imports, "DosePerAngstromFrame", 0.0)
    correct_gain = _flag(document, imports, "CorrectGain", absent=True)
    correct_defects = _flag(document, imports, "CorrectDefects", absent=True)
    group = int(_number(document, imports, "EERGroupFrames", 0.0))
    return WarpSettings(
        pixel_size_angstrom=_pixel_size(document, {**top, **imports}),
        dimensions_px=_dimensions(document, tomo),
        exposure_per_frame=exposure if exposure > 0 else None,
        exposure_total=-exposure if exposure < 0 else None,
        eer_group_frames=group if group > 0 else None,
        gain_path=imports.get("GainPath", "") if correct_gain else "",
        gain_flip_x=_flag(document, imports, "GainFlipX", absent=False),
        gain_flip_y=_flag(document, imports, "GainFlipY", absent=False),
        gain_transpose=_flag(document, imports, "GainTranspose", absent=False),
        defects_path=imports.get("DefectsPath", "") if correct_defects else "",
        data_folder=imports.get("DataFolder", imports.get("Folder", "")),
        processing_folder=imports.get("ProcessingFolder", ""),
        extension=imports.get("Extension", ""),
    )


def _texts(document: XmlDocument, element: XmlElement) -> dict[str, str]:
    return {name: node.attributes["Value"] for name, node in parameters(document, element).items()}


def _number(document: XmlDocument, texts: dict[str, str], name: str, absent: float) -> float:
    text = texts.get(name, "")
    if not text.strip():
        return absent
    try:
        return to_float(text)
    except ValueError as error:
        raise document.fault(f"parameter '{name}' is not a number", value=text[:40]) from error


def _flag(document: XmlDocument, texts: dict[str, str], name: str, *, absent: bool) -> bool:
    word = texts.get(name, str(absent)).strip().lower()
    if word not in ("true", "false"):
        raise document.fault(f"parameter '{name}' is neither True nor False", value=word[:40])
    return word == "true"


def _pixel_size(document: XmlDocument, texts: dict[str, str]) -> float:
    """The unbinned pixel size; Warp 1.0.9 holds one per axis, which must agree."""
    name = "PixelSize" if "PixelSize" in texts else "PixelSizeX"
    size = _number(document, texts, name, 0.0)
    if not size > 0:
        raise document.fault("the pixel size is absent or not positive", value=size)
    if _number(document, texts, "PixelSizeY", size) != size:
        raise document.fault("pixels that are not square cannot be applied")
    return size


def _dimensions(document: XmlDocument, tomo: dict[str, str]) -> tuple[int, int, int] | None:
    sizes = [_number(document, tomo, f"Dimensions{axis}", 0.0) for axis in "XYZ"]
    if not all(sizes):
        return None
    if any(size < 1 or size != int(size) for size in sizes):
        raise document.fault(
            "the tomogram's dimensions are not whole numbers of pixels", value=sizes
        )
    return int(sizes[0]), int(sizes[1]), int(sizes[2])
