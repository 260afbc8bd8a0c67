"""Where the HTML report goes, and how a browser opens it."""

import os
import webbrowser
from pathlib import Path

from mgit.cli.log_format import short
from mgit.cli.render.report_page import GENERATOR
from mgit.errors import Refused
from mgit.history.repository import Repository
from mgit.state.names import component

__all__ = ["open_in_browser", "report_path", "save_report"]

SUFFIXES = (".html", ".htm")
HEAD_BYTES = 512


def report_path(repository: Repository, output: str | None, *, name: str, commit: str) -> Path:
    """The file that the report of a commit of the population `name` goes to.

    output: a file if it ends in .html, else a directory; None is the repository's cache.
    """
    file = f"{component(name or 'population')[:-9]}-{short(commit)}.html"
    if output is None:
        return Path(repository.layout.cache) / "reports" / file
    place = Path(os.path.abspath(output))
    if place.suffix.lower() in SUFFIXES and not place.is_dir():
        return place
    return place / file


def save_report(repository: Repository, place: Path, page: str) -> None:
    """Write the page, in the place of an earlier report; all of it or nothing.

    Raises Refused where another file stands, and the kin of StorageFailed.
    """
    if os.path.lexists(place) and not _is_report(place):
        raise Refused(
            "a file that is no report has this name",
            file=place,
            hint="give another one with '--output'",
        )
    repository.files.make_directory(str(place.parent))
    repository.files.replace(str(place), page.encode("utf-8"))


def _is_report(place: Path) -> bool:
    if not place.is_file():
        return False
    with place.open("rb") as stream:
        return f'content="{GENERATOR}"'.encode() in stream.read(HEAD_BYTES)


def open_in_browser(place: Path) -> bool:
    """Ask the user's browser to show the page; whether there is one."""
    return webbrowser.open(place.as_uri())
