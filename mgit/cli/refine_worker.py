"""One worker process of a refinement: `python -m mgit.cli.refine_worker DIRECTORY TOKEN NUMBER`.

Takes items of a round's directory until none is left. Started by `mgit refine`, which reads the
error that a worker leaves behind.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

from mgit.errors import MgitError
from mgit.history.repository import Repository
from mgit.refine.checkpoint import RoundFiles
from mgit.refine.refine_items import refine_work
from mgit.refine.refine_plan import plan_refinement
from mgit.refine.settings import RefineSettings
from mgit.refine.workers import describe_error

__all__ = ["main", "work_through"]


def work_through(files: RoundFiles, *, token: str, parent: int) -> None:
    """Refine items that nobody has taken yet, until there are none or the parent is gone."""
    job, references, bound = files.read_job()
    settings = RefineSettings().with_options(job["settings"])
    plan = plan_refinement(
        Repository.open(job["repository"]).snapshot(job["commit"]),
        replace(settings, threads=job["threads"]),
        species=job["species"],
        sources=job["sources"],
    )
    for work in sorted(plan.works, key=lambda each: (-each.images, each.item.path)):
        if os.getppid() != parent:
            return
        if not files.done(work.key) and files.claim(work.key, token=token):
            files.write(work.key, refine_work(plan, work, references, bound))


def main(words: list[str]) -> int:
    """Run one worker; an error is left in `error-<number>.json` for the process that started it."""
    directory, token, number = words
    files = RoundFiles(Path(directory))
    try:
        work_through(files, token=token, parent=os.getppid())
    except MgitError as error:
        place = files.directory / f"error-{number}.json"
        place.write_text(describe_error(error), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
