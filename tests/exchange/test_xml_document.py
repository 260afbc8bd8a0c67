import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput, Unsupported
from mgit.exchange.xml_document import Edit, parse_xml

PLAIN = (
    b'<?xml version="1.0"?>\r\n<A x="1"  y=\'2\'>\n\t<B v="&lt;">t&amp;u</B>\r\n\t<B/><C />\n</A>'
)


def utf16(content: bytes) -> bytes:
    return b"\xff\xfe" + content.decode().encode("utf-16-le")


@pytest.mark.parametrize("wrap", [bytes, utf16, lambda c: b"\xef\xbb\xbf" + c])
def test_a_document_without_edits_is_returned_byte_for_byte(wrap):
    content = wrap(PLAIN)
    assert parse_xml(content, "a.xml").apply([]) is content


@pytest.mark.parametrize("wrap", [bytes, utf16, lambda c: b"\xef\xbb\xbf" + c])
def test_an_attribute_is_rewritten_in_place_in_every_encoding(wrap):
    document = parse_xml(wrap(PLAIN), "a.xml")
    edits = [document.set_attribute(document.root, name, "7") for name in ("x", "y")]
    assert document.apply(edits) == wrap(PLAIN.replace(b'"1"', b'"7"').replace(b"'2'", b"'7'"))


def test_entities_are_decoded_on_reading_and_written_on_patching():
    document = parse_xml(PLAIN, "a.xml")
    element = document.root.children[0]
    assert (element.attributes["v"], element.text) == ("<", "t&u")
    edits = [document.set_attribute(element, "v", 'a"<b'), document.set_text(element, "x<y")]
    again = parse_xml(document.apply(edits), "a.xml").root.children[0]
    assert (again.attributes["v"], again.text) == ('a"<b', "x<y")


def test_an_absent_attribute_is_appended():
    document = parse_xml(PLAIN, "a.xml")
    empty = document.root.children[1]
    edits = [
        document.set_attribute(empty, "z", "9"),
        document.set_attribute(document.root, "z", "8"),
    ]
    content = document.apply(edits)
    assert b"y='2' z=\"8\">" in content
    assert b'<B z="9"/>' in content


def test_spans_of_adjacent_empty_elements_do_not_overlap():
    document = parse_xml(b"<A><B/><B></B><B/></A>", "a.xml")
    spans = [document.span(child) for child in document.root.children]
    assert [document.body[a:b] for a, b in spans] == [b"<B/>", b"<B></B>", b"<B/>"]
    assert document.apply([document.removed(document.root.children[1])]) == b"<A><B/><B/></A>"


def test_elements_are_inserted_in_the_documents_own_layout():
    document = parse_xml(b"<A>\r\n  <B/>\r\n</A>", "a.xml")
    edit = document.inserted_after(document.root.children[0], ["<C/>", "<D/>"])
    assert document.apply([edit]) == b"<A>\r\n  <B/>\r\n  <C/>\r\n  <D/>\r\n</A>"


def test_errors_name_file_node_and_line():
    document = parse_xml(b"<A>\n<B/>\n<B/>\n</A>", "some.xml")
    with pytest.raises(InvalidInput, match="occurs 2 times") as caught:
        document.child(document.root, "B")
    assert caught.value.fields == {"file": "some.xml", "node": "A", "line": 1}
    fault = document.fault("wrong", document.root.children[1])
    assert (fault.fields["node"], fault.fields["line"]) == ("A/B[2]", 3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<A>",
        b"<A></B>",
        b"<A/><B/>",
        b"text",
        b"<A>\x00</A>",
        b"<A>\xff</A>",
        b"\xff\xfe<\x00A",
        b"<A>&unknown;</A>",
        b"<A x='1' x='2'/>",
        b"<A>" * 40 + b"</A>" * 40,
    ],
)
def test_what_is_not_one_whole_document_is_refused(content):
    with pytest.raises(InvalidInput) as caught:
        parse_xml(content, "bad.xml")
    assert caught.value.fields["file"] == "bad.xml"


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<?xml version="1.0" encoding="iso-8859-1"?><a/>',
    ],
)
def test_document_types_and_other_encodings_are_refused(content):
    with pytest.raises(Unsupported):
        parse_xml(content, "bad.xml")


def test_a_real_document_truncated_anywhere_is_refused(shared_data):
    choose = random.Random(7)
    for name in ("warp_xml_golden/00254.xml", "metadata_zoo/warp109_ts017/017.xml"):
        content = (shared_data / name).read_bytes().rstrip()
        for cut in (choose.randrange(1, len(content)) for _ in range(50)):
            with pytest.raises(InvalidInput):
                parse_xml(content[:cut], name)


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])), min_size=1),
    st.sampled_from(["utf-8", "utf-16-le"]),
)
def test_any_text_survives_in_attributes(texts, encoding):
    body = "<A>" + "<B v='0'/>" * len(texts) + "</A>"
    content = (b"\xff\xfe" if encoding != "utf-8" else b"") + body.encode(encoding)
    document = parse_xml(content, "a.xml")
    nodes = document.root.children
    edits = [document.set_attribute(n, "v", t) for n, t in zip(nodes, texts, strict=True)]
    try:
        again = parse_xml(document.apply(edits), "a.xml")
    except InvalidInput:
        assert any(letter in text for text in texts for letter in "\ufffe\uffff")
        return
    assert [node.attributes["v"] for node in again.root.children] == texts


def test_overlapping_edits_are_a_programming_error():
    document = parse_xml(b"<A/>", "a.xml")
    with pytest.raises(AssertionError):
        document.apply(
            [Edit(start=0, stop=3, replacement=b""), Edit(start=2, stop=4, replacement=b"")]
        )
