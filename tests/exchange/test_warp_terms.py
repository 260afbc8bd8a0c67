import pytest

from mgit.errors import InvalidInput, Unsupported
from mgit.exchange.warp_fields import NumberAttribute, SeriesGrid
from mgit.exchange.warp_optics import CtfNumber
from mgit.exchange.warp_terms import refuse_unknown_terms
from mgit.exchange.xml_document import parse_xml

KNOWN = [NumberAttribute("Weight", "w"), SeriesGrid("GridA", "a"), CtfNumber("Cs", "cs")]


def refuse(head="", inner="", ctf=""):
    text = f"<TiltSeries {head}><CTF>{ctf}</CTF>{inner}</TiltSeries>"
    refuse_unknown_terms(parse_xml(text.encode(), "t.xml"), KNOWN)


def param(name, value):
    return f'<Param Name="{name}" Value="{value}"/>'


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"head": 'Weight="3" CTFResolutionEstimate="5" PlaneNormal="0, 1, 0"'},
        {"head": 'New="0" Other="False" Third="" Fourth="null" Fifth="0, 0;0"'},
        {"inner": '<GridA><Node Value="1"/></GridA><PS1D>0|1</PS1D><OptionsX><A>7</A></OptionsX>'},
        {"inner": '<GridNew><Node Value="0"/><Node Value="0.0"/></GridNew><Empty/>'},
        {"ctf": param("Cs", "2.7") + param("Thickness", "9") + param("BeamTilt2", "1, 0, 1")},
        {"ctf": param("New", "0") + param("Scale", "1.00")},
    ],
)
def test_what_is_applied_inert_or_zero_passes(parts):
    refuse(**parts)


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"head": 'Twist="0.1"'}, "Twist"),
        ({"head": 'Mode="spherical"'}, "Mode"),
        ({"head": 'Cs="2"'}, "Cs"),
        ({"inner": '<GridNew><Node Value="0"/><Node Value="1e-9"/></GridNew>'}, "GridNew"),
        ({"inner": "<Shear>1\n0</Shear>"}, "Shear"),
        ({"inner": "<Deep><A><B Value='2'/></A></Deep>"}, "Deep"),
        ({"ctf": param("Coma", "0.5")}, "Coma"),
        ({"ctf": param("Weight", "1")}, "Weight"),
        ({"ctf": param("BfactorDelta", "-1")}, "BfactorDelta"),
        ({"ctf": param("BeamTilt2", "1,0,2")}, "BeamTilt2"),
    ],
)
def test_every_other_value_is_refused_by_name(parts, named):
    with pytest.raises(Unsupported, match=f"'{named}'") as caught:
        refuse(**parts)
    assert caught.value.fields["file"] == "t.xml"


def test_a_term_that_is_no_number_is_malformed():
    with pytest.raises(InvalidInput):
        refuse(ctf=param("Scale", "large"))
