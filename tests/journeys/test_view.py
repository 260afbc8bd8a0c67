"""From another program's project to a page, files for a viewer and sharpened maps."""

import mrcfile
import numpy as np
import pytest

from mgit.cli.main import main
from tests.cli.render.pages import Page
from tests.cli.sessions import Session


@pytest.fixture
def population(tmp_path, monkeypatch, capsys):
    """The population of `mgit demo`: made-up metadata, maps without curves of their own."""
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "made", "--kind", "metadata"]) == 0
    return Session(tmp_path / "made" / "population", capsys)


def test_a_revision_becomes_a_page_and_maps(population, tmp_path):
    page_file = tmp_path / "report.html"
    record = population.json("view", "--no-open", "--output", str(page_file))
    page = Page(page_file.read_text("utf-8"))
    assert record["species"] == ["blob"]
    assert all(each.startswith("data:image/png;base64,") for each in page.addresses())
    assert len(page.addresses()) == 3
    for said in (
        "120 in 2 series",
        "60 + 60, split as imported",
        "(measured for this report)",
        "FSC-weighted, low-passed at",
        "Half-maps are independent in poses and references",
        "needs reconstruction",
        "mgit species update",
        "TS_02",
        f"mgit verify {record['commit'][:10]}",
    ):
        assert said in page.text, said
    curves = [each["class"] for tag, each in page.elements if tag == "polyline"]
    assert len(curves) == 4
    assert sum(tag == "polygon" for tag, _ in page.elements) > 20

    maps = tmp_path / "maps"
    found = population.json("export", "--to", "mrc", "--b-factor", "-200", str(maps))
    notes = {each["role"]: each["note"] for each in found["files"]}
    assert notes["sharpened"] == "B factor -200.0 A^2, as given"
    low = notes["filtered"].split()[-2]
    assert f"low-passed at {low} A" in page.text
    spectra = []
    for name in ("blob_filtered.mrc", "blob_sharpened.mrc"):
        with mrcfile.open(maps / name) as opened:
            box, pixel = opened.data.shape[0], float(opened.voxel_size.x)
            spectra.append(np.abs(np.fft.fft(opened.data.sum((0, 1)))))
    shell = 4
    gain = np.exp(200 * (shell / box / pixel) ** 2 / 4)
    assert spectra[1][shell] / spectra[0][shell] == pytest.approx(gain, rel=1e-3)


def test_an_older_revision_keeps_its_own_page(population, tmp_path):
    pages = []
    for revision in ("HEAD", "HEAD", "HEAD~3"):
        population.json("view", revision, "--no-open", "--output", str(tmp_path / "out"))
        pages.append({each.name: each.read_bytes() for each in (tmp_path / "out").iterdir()})
    assert pages[0] == pages[1]
    assert len(pages[2]) == 2
