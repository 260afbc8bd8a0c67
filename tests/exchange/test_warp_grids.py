import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mgit.exchange.star import parse_star
from mgit.exchange.warp_grids import Grid, grid_edits, read_grid, render_grid
from mgit.exchange.xml_document import parse_xml

VALUES = st.floats(-1e9, 1e9)
CUBES = st.tuples(*[st.integers(1, 4)] * 3).flatmap(
    lambda s: arrays(np.float64, s, elements=VALUES)
)
FOURS = st.tuples(*[st.integers(1, 3)] * 4).flatmap(
    lambda s: arrays(np.float64, s, elements=VALUES)
)
MARGINS = ("0", "0.125", "0")


def document_with(grid, factor):
    return parse_xml(f"<R>\n\t{render_grid('G', grid, factor=factor)}\n</R>".encode(), "g.xml")


@given(CUBES | FOURS, st.sampled_from([1, 180, 10_000]))
def test_a_rendered_grid_is_read_back_to_the_last_bit(values, factor):
    grid = Grid(values=values, margins=MARGINS if values.ndim == 3 else ())
    document = document_with(grid, factor)
    again = read_grid(document, document.root.children[0], axes=values.ndim, factor=factor)
    assert again.same(grid)
    assert grid_edits(document, document.root.children[0], grid, factor=factor) == []


@given(CUBES, st.data())
def test_one_changed_node_is_one_edit(values, data):
    grid = Grid(values=values, margins=MARGINS)
    document = document_with(grid, 1)
    place = data.draw(st.integers(0, values.size - 1))
    changed = values.copy()
    changed.ravel()[place] = math.nextafter(values.ravel()[place], math.inf)
    edits = grid_edits(document, document.root.children[0], Grid(values=changed, margins=MARGINS))
    assert len(edits) == 1
    new = parse_xml(document.apply(edits), "g.xml")
    assert read_grid(new, new.root.children[0], axes=3).values.tobytes() == changed.tobytes()


def test_nodes_may_come_in_any_order():
    content = (
        b'<G Width="2" Height="1" Depth="1"><Node X="1" Y="0" Z="0" Value="5"/>'
        b'<Node X="0" Y="0" Z="0" Value="4"/></G>'
    )
    document = parse_xml(content, "g.xml")
    assert read_grid(document, document.root, axes=3).values.tolist() == [[[4.0, 5.0]]]


def test_x_runs_fastest_as_in_warps_own_tables(shared_data):
    """reference3d.star was written by WarpLib: nodes in its storage order with their indices."""
    content = (shared_data / "warp_xml_golden/reference3d.star").read_bytes()
    table = parse_star(content, name="reference3d.star").table("grid")
    indices = [table.integers(name) for name in ("ix", "iy", "iz")]
    values = table.floats("value")
    sizes = [int(index.max()) + 1 for index in indices]
    nodes = zip(*(index.tolist() for index in indices), values.tolist(), strict=True)
    text = "".join(f'<Node X="{x}" Y="{y}" Z="{z}" Value="{v}"/>' for x, y, z, v in nodes)
    head = f'<G Width="{sizes[0]}" Height="{sizes[1]}" Depth="{sizes[2]}">'
    document = parse_xml(f"{head}{text}</G>".encode(), "g.xml")
    grid = read_grid(document, document.root, axes=3)
    assert grid.values.ravel().tolist() == values.tolist()
    assert grid.values[indices[2][7], indices[1][7], indices[0][7]] == values[7]
