"""M's `.source`: a data source as a list of items with their data hashes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.decimal_text import attribute_text, to_float, to_text
from mgit.exchange.m_params import Params, Reference, guid, open_params, references, render
from mgit.exchange.records import Document, SeriesRecord, SourceRecord
from mgit.exchange.warp_settings import WarpSettings
from mgit.exchange.warp_source import read_item, with_settings
from mgit.exchange.xml_document import XmlElement

__all__ = [
    "MSource",
    "MSourceFile",
    "as_settings",
    "load_source",
    "read_source_file",
    "write_source",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MSourceFile:
    """One item: its data hash, the name of its movie or .tomostar, and informational weights."""

    data_hash: str
    name: str
    weight: float = 1.0
    b_factor: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MSource:
    """Parameters with M's defaults.

    relative_b_factor: B, its anisotropy (A^2) and direction (degrees); frame series only.
    frame_limit: frames or tilts used, counted by exposure; 0 or less means all.
    exposure: e/A^2 per frame, or minus the exposure of the whole movie.
    """

    guid: str
    name: str
    pixel_size_angstrom: float
    files: tuple[MSourceFile, ...]
    version: str = ""
    previous_version: str = ""
    relative_weight: float = 1.0
    relative_b_factor: tuple[float, ...] = (0.0, 0.0, 0.0)
    dimensions_px: tuple[int, int, int] = (0, 0, 0)
    frame_limit: int = -1
    gain_flip_x: bool = False
    gain_flip_y: bool = False
    gain_transpose: bool = False
    exposure: float = 0.0
    eer_group_frames: int = 10
    gain_path: str = ""
    defects_path: str = ""
    used_species: tuple[Reference, ...] = ()

    @property
    def is_tilt_series(self) -> bool:
        """Whether the items are tilt series: M decides by the first file's name."""
        return bool(self.files) and ".tomostar" in self.files[0].name


def read_source_file(content: bytes, path: str) -> tuple[MSource, Document]:
    """Read a source file alone, without its items. Raises InvalidInput, naming file and node."""
    params = open_params(content, path, "DataSource")
    pixel_name = "PixelSize" if "PixelSize" in params.texts else "PixelSizeX"
    source = MSource(
        guid=guid(params),
        name=params.text("Name"),
        pixel_size_angstrom=params.number(pixel_name),
        files=tuple(_files(params)),
        version=params.text("Version", ""),
        previous_version=params.text("PreviousVersion", ""),
        relative_weight=params.number("RelativeWeight", 1.0),
        relative_b_factor=params.vector("RelativeBFactor", (0.0, 0.0, 0.0)),
        dimensions_px=(
            params.integer("DimensionsX", 0),
            params.integer("DimensionsY", 0),
            params.integer("DimensionsZ", 0),
        ),
        frame_limit=params.integer("FrameLimit", -1),
        gain_flip_x=params.flag("GainFlipX", default=False),
        gain_flip_y=params.flag("GainFlipY", default=False),
        gain_transpose=params.flag("GainTranspose", default=False),
        exposure=params.number("DosePerAngstromFrame", 0.0),
        eer_group_frames=params.integer("EERGroupFrames", 10),
        gain_path=params.text("GainPath", ""),
        defects_path=params.text("DefectsPath", ""),
        used_species=references(params.document, "UsedSpecies", "Species", "Version"),
    )
    if not source.pixel_size_angstrom > 0:
        raise params.document.fault("the pixel size must be positive")
    return source, Document(role="m_source", path=path, content=content)


def load_source(path: str | Path) -> SourceRecord:
    """Read a source file and the item XML beside it.

    Each item's data hash is among its aliases, so that M's particle tables find it.

    Raises NotFound when an item has no XML; Unsupported for weights of the whole source and for a
    frame limit, which have no canonical place; InvalidInput for malformed files.
    """
    file = Path(path)
    if not file.is_file():
        raise NotFound("the source file does not exist", file=str(file))
    source, document = read_source_file(file.read_bytes(), file.name)
    _refuse_inapplicable(source, file.name)
    settings = as_settings(source)
    series: list[SeriesRecord] = []
    notes: list[str] = []
    for item in source.files:
        stem = PurePosixPath(item.name.replace("\\", "/")).stem
        xml = file.parent / f"{stem}.xml"
        if not xml.is_file():
            raise NotFound(
                "an item of the source has no XML",
                hint="copy it beside the source file, or remove the item in M",
                item=item.name,
                file=file.name,
            )
        record = read_item(xml, shown=xml.name, settings=settings)
        record, more = with_settings(record, settings)
        notes += more
        aliases = tuple(dict.fromkeys((*record.aliases, item.name, item.data_hash)))
        series.append(replace(record, aliases=aliases))
    return SourceRecord(
        kind="tilt_series" if source.is_tilt_series else "frame_series",
        attributes={
            "format": "m",
            "name": source.name,
            "pixel_size_angstrom": attribute_text(source.pixel_size_angstrom),
        },
        series=tuple(series),
        documents=(document,),
        notes=tuple(dict.fromkeys(notes)),
    )


def write_source(source: MSource) -> bytes:
    """A new source file."""
    params = {
        "GUID": source.guid,
        "Version": source.version,
        "DontVersion": "False",
        "PreviousVersion": source.previous_version,
        "Name": source.name,
        "RelativeWeight": to_text(source.relative_weight),
        "RelativeBFactor": ",".join(to_text(part) for part in source.relative_b_factor),
        "PixelSize": to_text(source.pixel_size_angstrom),
        "DimensionsX": str(source.dimensions_px[0]),
        "DimensionsY": str(source.dimensions_px[1]),
        "DimensionsZ": str(source.dimensions_px[2]),
        "FrameLimit": str(source.frame_limit),
        "GainFlipX": str(source.gain_flip_x),
        "GainFlipY": str(source.gain_flip_y),
        "GainTranspose": str(source.gain_transpose),
        "DosePerAngstromFrame": to_text(source.exposure),
        "EERGroupFrames": str(source.eer_group_frames),
        "GainPath": source.gain_path,
        "DefectsPath": source.defects_path,
    }
    species = [{"GUID": identity, "Version": version} for identity, version in source.used_species]
    files = [
        {
            "Hash": item.data_hash,
            "Name": item.name,
            "Weight": to_text(item.weight),
            "Bfactor": to_text(item.b_factor),
        }
        for item in source.files
    ]
    return render(
        "DataSource", params, (("UsedSpecies", "Species", species), ("Files", "File", files))
    )


def _files(params: Params) -> Iterable[MSourceFile]:
    document = params.document
    group = document.child(document.root, "Files")
    seen: set[str] = set()
    for element in group.children:
        if element.tag != "File":
            raise document.fault("'Files' may only hold 'File'", element)
        data_hash = document.attribute(element, "Hash")
        if not data_hash or data_hash in seen:
            raise document.fault("a data hash is empty or occurs twice", element, value=data_hash)
        seen.add(data_hash)
        yield MSourceFile(
            data_hash=data_hash,
            name=document.attribute(element, "Name"),
            weight=_weight(params, element, "Weight", 1.0),
            b_factor=_weight(params, element, "Bfactor", 0.0),
        )


def _weight(params: Params, element: XmlElement, name: str, absent: float) -> float:
    text = element.attributes.get(name, "")
    try:
        return to_float(text) if text else absent
    except ValueError as error:
        raise params.document.fault(f"attribute '{name}' is not a number", element) from error


def _refuse_inapplicable(source: MSource, file: str) -> None:
    if not source.files:
        raise InvalidInput("the source has no items", file=file, node="DataSource/Files")
    if source.frame_limit > 0:
        raise Unsupported(
            "a limit on frames or tilts cannot be applied",
            hint="exclude the tilts in the items, or set FrameLimit to -1",
            file=file,
            node="FrameLimit",
        )
    neutral = source.relative_weight == 1.0 and not any(source.relative_b_factor[:2])
    if not neutral and not source.is_tilt_series:
        raise Unsupported(
            "weights of a whole source cannot be applied",
            hint="set RelativeWeight to 1 and RelativeBFactor to 0,0,0",
            file=file,
            node="RelativeWeight",
        )


def as_settings(source: MSource) -> WarpSettings:
    """What a source says of all its items, in the form of Warp's settings."""
    first = source.files[0].name
    return WarpSettings(
        pixel_size_angstrom=source.pixel_size_angstrom,
        dimensions_px=source.dimensions_px if all(source.dimensions_px) else None,
        exposure_per_frame=source.exposure if source.exposure > 0 else None,
        exposure_total=-source.exposure if source.exposure < 0 else None,
        eer_group_frames=source.eer_group_frames if first.endswith(".eer") else None,
        gain_path=source.gain_path,
        gain_flip_x=source.gain_flip_x,
        gain_flip_y=source.gain_flip_y,
        gain_transpose=source.gain_transpose,
        defects_path=source.defects_path,
        data_folder="",
        processing_folder="",
        extension=PurePosixPath(first).suffix,
    )
