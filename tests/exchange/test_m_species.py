"""Species files are self-made after the documented layout; no program wrote them."""

import pytest

from mgit.errors import InvalidInput
from mgit.exchange.m_species import MSpecies, file_names, read_species, write_species

GUID = "01234567-89ab-cdef-0123-456789abcdef"
SPECIES = MSpecies(
    guid=GUID,
    name="70S",
    pixel_size_angstrom=1.7005,
    diameter_angstrom=280.0,
    version="AbCd-_12",
    symmetry="D2",
    helical_units=3,
    helical_twist_degree=-22.5,
    ewald=True,
    temporal_samples=3,
    global_resolution_angstrom=3.4567,
    global_b_factor_angstrom2=-35.0,
    used_sources=((GUID, "v1"),),
)
MINIMAL = (
    f'<Species><Param Name="GUID" Value="{GUID}"/><Param Name="Name" Value="s"/>'
    '<Param Name="PixelSize" Value="2"/><Param Name="DiameterAngstrom" Value="100"/>{}</Species>'
)


def test_a_species_is_written_and_read_back():
    again, document = read_species(write_species(SPECIES), "70S.species")
    assert again == SPECIES
    assert document.role == "m_species"


def test_absent_parameters_have_ms_defaults():
    species, _ = read_species(MINIMAL.format("").encode(), "s.species")
    assert (species.symmetry, species.temporal_samples, species.ewald_reverse) == ("C1", 1, True)
    assert (species.global_resolution_angstrom, species.apply_denoising) == (-1.0, True)


@pytest.mark.parametrize("name", ["GUID", "Name", "PixelSize", "DiameterAngstrom"])
def test_what_has_no_default_must_be_there(name):
    content = MINIMAL.format("").replace(f'"{name}"', '"Other"').encode()
    with pytest.raises(InvalidInput, match=name):
        read_species(content, "s.species")


@pytest.mark.parametrize(
    "extra",
    [
        '<Param Name="TemporalResolutionMovement" Value="0"/>',
        '<Param Name="TemporalResolutionMovement" Value="2.5"/>',
        '<Param Name="TemporalResolutionMovement" Value="2"/>'
        '<Param Name="TemporalResolutionRotation" Value="3"/>',
        '<Param Name="DoEwald" Value="yes"/>',
        '<Param Name="HelicalUnits" Value="many"/>',
    ],
)
def test_wrong_values_are_refused(extra):
    with pytest.raises(InvalidInput):
        read_species(MINIMAL.format(extra).encode(), "s.species")


def test_sizes_must_be_positive():
    with pytest.raises(InvalidInput, match="positive"):
        read_species(MINIMAL.format("").replace('"100"', '"-1"').encode(), "s.species")


def test_companions_are_named_after_the_species():
    assert file_names("70S")["half_map_2"] == "70S_half2.mrc"
