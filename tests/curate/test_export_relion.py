from mgit.curate.export import exported_files
from mgit.exchange.relion_particles import read_particles
from mgit.exchange.relion_tomograms import read_tomograms, volumes_of
from mgit.state.population import Population
from mgit.state.series import update_item_attributes
from tests.curate.foreign_projects import add_relion, add_warp
from tests.curate.species_tables import rows_of, write_species


def written(tree, folder, **choices):
    files = exported_files(tree, form="relion", **choices)
    for file in files:
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        file.save(place)
    return {file.path: (folder / file.path).read_bytes() for file in files}


def test_documents_of_relion_stay_and_a_set_ties_them_together(tree, tmp_path):
    files = add_relion(tree)
    write_species(tree, rows_of(4))
    found = written(tree, tmp_path)
    assert {path: found[path] for path in files} == files
    text = found["capsid_optimisation_set.star"].decode()
    assert "Refine3D/job001/run_data.star" in text
    assert "Job/job001/tomograms.star" in text


def test_a_series_of_warp_becomes_a_tomogram_set_with_the_same_values(tree, tmp_path):
    add_warp(tree)
    item = Population(tree).item("warp", "TS_1")
    update_item_attributes(
        tree, item.path, {"volume_dimensions_angstrom": ["3000.0", "3000.0", "900.0"]}
    )
    found = written(tree, tmp_path, lossy=True)
    (path,) = (each for each in found if each.endswith("tomograms.star"))
    record = read_tomograms(found[path], path=path, load=found.__getitem__)
    (series,) = record.series
    used = item.array("use").read()
    for name in ("tilt_angle", "axis_angle", "axis_offset_x", "defocus", "exposure"):
        values = item.array(name).read()[used]
        if name == "tilt_angle":
            values = values + item.array("level_angle_y").read()[used]
        assert abs(series.arrays[name].values - values).max() < 1e-9
    assert series.attributes["hand"] == item.attributes["hand"]


def test_particles_of_another_format_are_written_for_the_new_set(tree, tmp_path):
    add_relion(tree)
    write_species(tree, rows_of(4))
    found = written(tree, tmp_path, species=("capsid",))
    source = read_tomograms(
        tree_file(tree, "relion_tomograms"), path="t", load=lambda path: tree_load(tree, path)
    )
    table = read_particles(
        found["Refine3D/job001/run_data.star"], path="p", volumes=volumes_of(source)
    )
    assert len(table.item_names) == 4


def tree_file(tree, role):
    from mgit.state.documents import read_document

    return read_document(tree, Population(tree).source("grid").path, role=role).content()


def tree_load(tree, path):
    from mgit.state.documents import read_documents

    for item in Population(tree).source("grid").items():
        for document in read_documents(tree, item.path):
            if document.path == path:
                return document.content()
    raise AssertionError(path)
