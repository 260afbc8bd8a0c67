import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.exchange.relion_documents import project_loader
from mgit.exchange.relion_particle_series import read_particle_series
from mgit.exchange.relion_tomograms import read_tomograms


def test_the_ribosomes_are_one_item_per_tomogram(shared_data):
    folder = shared_data / "ribosome_warptools_particles"
    content = (folder / "tomograms.star").read_bytes()
    tomograms = read_tomograms(content, path="t", load=project_loader(str(folder / "t")))
    particles = (folder / "particles.star").read_bytes()
    source = read_particle_series(particles, path="particles.star", tomograms=tomograms)
    assert source.kind == "particle_series"
    assert [series.name for series in source.series] == ["Unt_083.tomostar", "Unt_050.tomostar"]
    first = source.series[0]
    assert [raw.role for raw in first.raw] == ["stack"] * 10
    assert first.raw[0].path == "particles/Unt_083/Unt_083_12.00A_000001.mrcs"
    assert all((folder / raw.path).is_file() for raw in first.raw)
    assert first.attributes["ctf_premultiplied"] is True
    assert first.attributes["image_pixel_size_angstrom"] == "12.0"
    assert first.attributes["image_size_px"] == [32, 32]
    assert "exposure_filtered" not in first.attributes
    assert first.arrays["exposure"].values.size == 37
    assert np.array_equal(
        first.arrays["tilt_angle"].values, tomograms.series[0].arrays["tilt_angle"].values
    )
    assert {document.role for document in source.documents} == {
        "relion_particles",
        "relion_tomograms",
    }


TABLE = """data_optics
loop_
_rlnOpticsGroup
_rlnImagePixelSize
_rlnImageSize
1 2.0 64
2 4.0 32
data_particles
loop_
_rlnTomoName
_rlnImageName
_rlnOpticsGroup
{rows}
"""


def read(*rows):
    return read_particle_series(TABLE.format(rows="\n".join(rows)).encode(), path="p.star")


def test_stacks_keep_the_order_of_the_table_and_are_named_once():
    source = read("b 2@b.mrcs 1", "a a1.mrcs 2", "b 1@b.mrcs 1", "b c.mrcs 1")
    assert [series.name for series in source.series] == ["b", "a"]
    assert [raw.path for raw in source.series[0].raw] == ["b.mrcs", "c.mrcs"]
    assert [s.attributes["image_pixel_size_angstrom"] for s in source.series] == ["2.0", "4.0"]


def test_one_item_has_one_optics_group():
    with pytest.raises(InvalidInput, match="differ in pixel sizes"):
        read("a a1.mrcs 1", "a a2.mrcs 2")


def test_a_table_without_images_is_no_source():
    with pytest.raises(InvalidInput) as caught:
        read_particle_series(
            b"data_particles\nloop_\n_rlnTomoName\n_rlnCoordinateX\na 1\n", path="p"
        )
    assert caught.value.fields["column"] == "rlnImageName"


def test_stacks_take_the_aberrations_of_their_group_and_refuse_two_kinds():
    columns = "_rlnImageSize\n_rlnOddZernike\n"
    text = TABLE.replace("_rlnImageSize\n", columns).replace("1 2.0 64", "1 2.0 64 [0.5,1]")
    text = text.replace("2 4.0 32", "2 2.0 64 [0.25]")
    rows = "a 1@a.mrcs 1\nb 1@b.mrcs 2"
    source = read_particle_series(text.format(rows=rows).encode(), path="p.star")
    found = [series.arrays["zernike_odd"].values[:2].tolist() for series in source.series]
    assert found == [[-0.5, -1], [-0.25, 0]]
    rows = "a 1@a.mrcs 1\na 1@b.mrcs 2"
    with pytest.raises(InvalidInput, match="aberrations"):
        read_particle_series(text.format(rows=rows).encode(), path="p.star")
