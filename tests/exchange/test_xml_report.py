from mgit.exchange.report import FieldReport
from mgit.exchange.xml_document import parse_xml
from mgit.exchange.xml_report import with_every_node

CONTENT = b"""<T A="1" B="2"><Angles>1
2</Angles><CTF><Param Name="Cs" Value="2.7"/><Param Name="Cc" Value="2"/></CTF>
<Grid><Node X="0"/><Node X="1"/></Grid></T>"""


def test_every_node_and_attribute_is_listed_once():
    known = FieldReport(document="t.xml", field="Cs", verdict="patched", count=1)
    lines = with_every_node([known], parse_xml(CONTENT, "t.xml"))
    assert lines[0] == known
    assert {(line.field, line.verdict, line.count) for line in lines[1:]} == {
        ("A", "kept", 1),
        ("B", "kept", 1),
        ("Angles", "kept", 2),
        ("CTF/Cc", "kept", 1),
        ("Grid", "kept", 2),
    }
