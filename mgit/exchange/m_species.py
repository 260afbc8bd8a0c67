"""M's `.species`: the parameters of one species. Maps and particles lie in files beside it."""

from dataclasses import dataclass

from mgit.exchange.decimal_text import to_text
from mgit.exchange.m_params import Reference, guid, open_params, references, render
from mgit.exchange.records import Document

__all__ = ["MSpecies", "file_names", "read_species", "write_species"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MSpecies:
    """Parameters with M's defaults. Lengths in angstrom, angles in degrees.

    global_resolution and denoised_at_resolution are -1 when not determined. used_sources holds
    (GUID, version) pairs.
    """

    guid: str
    name: str
    pixel_size_angstrom: float
    diameter_angstrom: float
    version: str = ""
    previous_version: str = ""
    molecular_weight_kda: float = 100.0
    symmetry: str = "C1"
    helical_units: int = 1
    helical_twist_degree: float = 0.0
    helical_rise_angstrom: float = 0.0
    helical_height_angstrom: float = 0.0
    ewald: bool = False
    ewald_reverse: bool = True
    temporal_samples: int = 1
    global_resolution_angstrom: float = -1.0
    global_b_factor_angstrom2: float = 0.0
    denoised_at_resolution_angstrom: float = -1.0
    apply_denoising: bool = True
    used_sources: tuple[Reference, ...] = ()


def read_species(content: bytes, path: str) -> tuple[MSpecies, Document]:
    """Read a species file.

    Raises InvalidInput, naming file and node, for missing or malformed parameters, a pixel size or
    diameter that is not positive, and different numbers of samples for position and orientation.
    """
    params = open_params(content, path, "Species")
    samples = params.integer("TemporalResolutionMovement", 1)
    if samples < 1 or params.integer("TemporalResolutionRotation", samples) != samples:
        raise params.document.fault(
            "positions and orientations must have the same number of temporal samples, at least 1"
        )
    species = MSpecies(
        guid=guid(params),
        name=params.text("Name"),
        pixel_size_angstrom=params.number("PixelSize"),
        diameter_angstrom=params.number("DiameterAngstrom"),
        version=params.text("Version", ""),
        previous_version=params.text("PreviousVersion", ""),
        molecular_weight_kda=params.number("MolecularWeightkDa", 100.0),
        symmetry=params.text("Symmetry", "C1"),
        helical_units=params.integer("HelicalUnits", 1),
        helical_twist_degree=params.number("HelicalTwist", 0.0),
        helical_rise_angstrom=params.number("HelicalRise", 0.0),
        helical_height_angstrom=params.number("HelicalHeight", 0.0),
        ewald=params.flag("DoEwald", default=False),
        ewald_reverse=params.flag("EwaldReverse", default=True),
        temporal_samples=samples,
        global_resolution_angstrom=params.number("GlobalResolution", -1.0),
        global_b_factor_angstrom2=params.number("GlobalBFactor", 0.0),
        denoised_at_resolution_angstrom=params.number("DenoisedAtResolution", -1.0),
        apply_denoising=params.flag("ApplyDenoising", default=True),
        used_sources=references(params.document, "UsedDataSources", "DataSource", "Version"),
    )
    if not (species.pixel_size_angstrom > 0 and species.diameter_angstrom > 0):
        raise params.document.fault("pixel size and diameter must be positive")
    return species, Document(role="m_species", path=path, content=content)


def write_species(species: MSpecies) -> bytes:
    """A new species file."""
    params = {
        "GUID": species.guid,
        "Version": species.version,
        "DontVersion": "False",
        "PreviousVersion": species.previous_version,
        "Name": species.name,
        "PixelSize": to_text(species.pixel_size_angstrom),
        "MolecularWeightkDa": to_text(species.molecular_weight_kda),
        "DiameterAngstrom": to_text(species.diameter_angstrom),
        "Symmetry": species.symmetry,
        "HelicalUnits": str(species.helical_units),
        "HelicalTwist": to_text(species.helical_twist_degree),
        "HelicalRise": to_text(species.helical_rise_angstrom),
        "HelicalHeight": to_text(species.helical_height_angstrom),
        "DoEwald": str(species.ewald),
        "EwaldReverse": str(species.ewald_reverse),
        "UseForAlignment": "True",
        "TemporalResolutionMovement": str(species.temporal_samples),
        "TemporalResolutionRotation": str(species.temporal_samples),
        "GlobalResolution": to_text(species.global_resolution_angstrom),
        "GlobalBFactor": to_text(species.global_b_factor_angstrom2),
        "DenoisedAtResolution": to_text(species.denoised_at_resolution_angstrom),
        "ApplyDenoising": str(species.apply_denoising),
    }
    used = [{"GUID": identity, "Version": version} for identity, version in species.used_sources]
    return render("Species", params, (("UsedDataSources", "DataSource", used),))


def file_names(name: str) -> dict[str, str]:
    """Names of the files that lie beside `<name>.species`, by what they hold."""
    return {
        "particles": f"{name}_particles.star",
        "half_map_1": f"{name}_half1.mrc",
        "half_map_2": f"{name}_half2.mrc",
        "mask": f"{name}_mask.mrc",
        "denoiser": f"{name}_noisenet.pt",
    }
