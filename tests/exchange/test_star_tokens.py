import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mgit.exchange.star_tokens import line_of, tokenise

WORDS = st.text(st.sampled_from("ab1.-[],"), min_size=1, max_size=5)


def words(content):
    tokens = tokenise(content, name="x")
    spans = zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    return [content[start:end] for start, end in spans]


@given(st.lists(st.lists(WORDS, max_size=4), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_words_and_lines_are_those_of_split(lines, newline):
    content = newline.join(" \t".join(line) for line in lines).encode()
    assert words(content) == content.split()
    tokens = tokenise(content, name="x")
    assert tokens.counts.tolist() == [len(line) for line in lines if line]
    numbers = [at + 1 for at, line in enumerate(lines) if line]
    assert [tokens.line_number(at) for at in range(tokens.line_count)] == numbers


def test_quotes_hold_blanks_and_comments_hold_nothing():
    content = b"a \"b c\" d # e f\n# g\n'h i' j'k\n"
    assert words(content) == [b"a", b'"b c"', b"d", b"'h i'", b"j'k"]


def test_a_mark_inside_a_word_is_part_of_it():
    assert words(b"mic#1.mrc a'b x\"y\n") == [b"mic#1.mrc", b"a'b", b'x"y']


def test_a_closing_quote_ends_at_a_blank():
    assert words(b"'it's fine' 2\n") == [b"'it's fine'", b"2"]


def test_headings_labels_and_loops_are_told_apart():
    tokens = tokenise(b"data_a\nloop_\n_x #1\n1\nDATA_b\n_y 2\n", name="x")
    assert tokens.heading_lines() == [0, 4]
    assert tokens.loop_lines().tolist() == [1]
    assert tokens.label_lines().tolist() == [2, 5]
    assert tokens.line_end(0) == 7


def test_lines_are_counted_from_one():
    assert line_of(b"a\nb\n", 0) == 1
    assert line_of(b"a\nb\n", 2) == 2


def test_nothing_holds_no_words():
    assert tokenise(b"", name="x").starts.size == 0
    assert np.array_equal(tokenise(b"\n \n", name="x").first, [])
