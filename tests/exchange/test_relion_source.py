import pytest

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.relion_documents import project_loader
from mgit.exchange.relion_source import read_relion_source


@pytest.mark.parametrize(
    ("path", "kind", "count"),
    [
        ("relion5_hiv_project/Polish/job030/optimisation_set.star", "tilt_series", 5),
        ("relion5_hiv_project/CtfRefine/job027/tomograms.star", "tilt_series", 5),
        ("relion5_hiv_project/Import/job001/tilt_series.star", "tilt_series", 5),
        ("ribosome_warptools_particles/optimisation_set.star", "particle_series", 2),
        ("ribosome_warptools_particles/particles.star", "particle_series", 2),
        ("spa_17_aspire/sample_particles_relion31.star", "particle_series", 1),
        ("metadata_zoo/mdoc/tilt_series.mdoc", "tilt_series", 1),
    ],
)
def test_documents_are_told_apart_by_content(shared_data, path, kind, count):
    file = shared_data / path
    load = project_loader(str(file))
    source = read_relion_source(file.read_bytes(), path=path, load=load)
    assert (source.kind, len(source.series)) == (kind, count)
    assert all(document.content for document in source.documents)


def test_a_micrograph_table_is_a_frame_source():
    content = b"data_micrographs\nloop_\n_rlnMicrographName\n_rlnVoltage\na.mrc 300\n"
    source = read_relion_source(content, path="m.star", load=project_loader("m.star"))
    assert source.kind == "frame_series"


def test_an_optimisation_set_is_kept_with_its_files(shared_data):
    file = shared_data / "relion5_hiv_project/Polish/job030/optimisation_set.star"
    source = read_relion_source(file.read_bytes(), path="o.star", load=project_loader(str(file)))
    roles = [document.role for document in source.documents]
    assert roles == ["relion_optimisation_set", "relion_tomograms"]


@pytest.mark.parametrize(
    "content",
    [
        b"data_x\n_y 1\n",
        b"data_\n_rlnTomoParticlesFile p.star\n",
        b'data_\n_rlnTomoParticlesFile p.star\n_rlnTomoTomogramsFile ""\n',
    ],
)
def test_documents_without_images_are_refused(content):
    with pytest.raises(InvalidInput) as caught:
        read_relion_source(content, path="x.star", load=project_loader("x.star"))
    assert caught.value.hint


def test_a_named_file_that_is_missing_is_refused(tmp_path):
    content = b"data_\n_rlnTomoParticlesFile p.star\n_rlnTomoTomogramsFile t.star\n"
    load = project_loader(str(tmp_path / "o.star"))
    with pytest.raises(NotFound):
        read_relion_source(content, path="o.star", load=load)
