import pytest

from mgit.errors import NotFound
from mgit.state.digests import content_digest
from mgit.state.documents import read_document, read_documents, write_document
from mgit.testing.memory import MemoryTree

CONTENT = b"\xef\xbb\xbf<xml>\r\n\0"


def test_a_document_is_kept_byte_for_byte():
    tree = MemoryTree()
    node = write_document(tree, "p", role="warp_xml", path="a/b.xml", content=CONTENT)
    (found,) = read_documents(tree, "p")
    assert (found.role, found.path, found.node) == ("warp_xml", "a/b.xml", node)
    assert found.content() == CONTENT
    assert found.size == len(CONTENT)
    assert found.content_digest == content_digest(tree.array(node).read())


def test_an_empty_document_is_a_document():
    tree = MemoryTree()
    write_document(tree, "p", role="r", path="empty", content=b"")
    assert read_document(tree, "p", role="r").content() == b""


def test_a_document_of_the_same_role_and_path_is_replaced():
    tree = MemoryTree()
    for content in (b"old", b"new"):
        write_document(tree, "p", role="r", path="a", content=content)
    assert [each.content() for each in read_documents(tree, "p")] == [b"new"]


def test_documents_come_in_the_order_of_role_and_path():
    tree = MemoryTree()
    for role, path in (("b", "1"), ("a", "2"), ("a", "1")):
        write_document(tree, "p", role=role, path=path, content=b"")
    found = [(each.role, each.path) for each in read_documents(tree, "p")]
    assert found == [("a", "1"), ("a", "2"), ("b", "1")]


def test_what_has_no_documents_has_none():
    tree = MemoryTree()
    tree.set_attributes("p", {})
    assert read_documents(tree, "p") == ()


def test_the_only_document_of_a_role_is_found_and_no_other():
    tree = MemoryTree()
    write_document(tree, "p", role="a", path="1", content=b"one")
    assert read_document(tree, "p", role="a").content() == b"one"
    with pytest.raises(NotFound, match="0 documents"):
        read_document(tree, "p", role="b")
    write_document(tree, "p", role="a", path="2", content=b"two")
    with pytest.raises(NotFound, match="2 documents"):
        read_document(tree, "p", role="a")
