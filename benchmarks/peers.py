"""The programs that mgit is compared with, each in its best reasonable setting.

A peer says which commands create its store, record an iteration, list the history and check every
byte. The working folder holds the state as files below `state/`; the store lies beside or in it.
"""

import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

__all__ = ["PEERS", "Commands", "Peer", "Site"]

Commands = Sequence[Sequence[str]]

GIT_CONFIGURATION = """[user]
	name = Benchmark
	email = benchmark@example.org
[init]
	defaultBranch = main
[gc]
	auto = 0
[maintenance]
	auto = false
[filter "lfs"]
	clean = git-lfs clean -- %f
	smudge = git-lfs smudge -- %f
	process = git-lfs filter-process
	required = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where one program runs: its own folder, home and tools.

    peers_python: interpreter with icechunk, dvc and datalad; None where there is none.
    """

    folder: Path
    checkout: Path
    search_path: str
    peers_python: str | None

    @property
    def work(self) -> Path:
        """The working folder; the state's files are below `state/` in it."""
        return self.folder / "work"

    def prepare(self) -> None:
        """Make the folders and a home that no configuration of the user's reaches."""
        (self.work / "state").mkdir(parents=True)
        (self.folder / "home").mkdir()
        (self.folder / "home" / ".gitconfig").write_text(GIT_CONFIGURATION)

    def environment(self) -> Mapping[str, str]:
        """Environment of every command of this site."""
        return {
            "PATH": self.search_path,
            "HOME": str(self.folder / "home"),
            "PYTHONPATH": str(self.checkout),
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
            "RESTIC_PASSWORD": "benchmark",
            "RESTIC_REPOSITORY": str(self.folder / "repository"),
            "BORG_REPO": str(self.folder / "repository"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "DVC_SITE_CACHE_DIR": str(self.folder / "home" / "dvc"),
            "DVC_NO_ANALYTICS": "1",
        }

    def which(self, tool: str) -> str | None:
        """Path of an installed tool."""
        return shutil.which(tool, path=self.search_path)


class Peer(ABC):
    """One program. `settings` is printed beside its numbers, `durable` says what it fsyncs."""

    name: ClassVar[str]
    settings: ClassVar[str]
    tools: ClassVar[tuple[str, ...]]

    def missing(self, site: Site) -> str | None:
        """What is not installed; None if the peer can run."""
        absent = [tool for tool in self.tools if site.which(tool) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    def version(self, site: Site) -> str:
        """First line that the tool prints about its version."""
        command = [site.which(self.tools[-1]) or self.tools[-1], self._version_option()]
        done = subprocess.run(command, capture_output=True, text=True, env=site.environment())
        return (done.stdout or done.stderr).strip().splitlines()[0]

    def _version_option(self) -> str:
        return "--version"

    @abstractmethod
    def create(self, site: Site) -> Commands:
        """Make an empty store in `site.work`; not charged."""

    @abstractmethod
    def commit(self, site: Site, changed: Sequence[str]) -> Commands:
        """Record the state whose `changed` paths (below `state/`) were rewritten."""

    @abstractmethod
    def verify(self, site: Site) -> Commands:
        """Read and check every stored byte."""

    @abstractmethod
    def log(self, site: Site) -> Commands:
        """List the history."""

    def rates(self, site: Site) -> Commands:
        """A command that prints a JSON object of rates; mgit only."""
        return []

    @abstractmethod
    def store(self, site: Site) -> Sequence[Path]:
        """Folders whose files are the store, without the working files."""


class Git(Peer):
    name = "git"
    settings = "loose objects, zlib level 1 (git's default for loose objects), no gc"
    tools: ClassVar[tuple[str, ...]] = ("git",)

    def create(self, site: Site) -> Commands:
        return [["git", "init", "-q"]]

    def commit(self, site: Site, changed: Sequence[str]) -> Commands:
        return [["git", "add", "-A"], ["git", "commit", "-q", "-m", "iteration"]]

    def verify(self, site: Site) -> Commands:
        return [["git", "fsck", "--full", "--no-dangling", "--no-progress"]]

    def log(self, site: Site) -> Commands:
        return [["git", "--no-pager", "log"]]

    def store(self, site: Site) -> Sequence[Path]:
        return [site.work / ".git"]


class GitLfs(Git):
    name = "git-lfs"
    settings = "maps, columns and network in LFS (uncompressed, not fsynced), items in Git"
    tools = ("git", "git-lfs")

    def create(self, site: Site) -> Commands:
        return [
            *super().create(site),
            ["git", "lfs", "install", "--local"],
            ["git", "lfs", "track", "state/species/**"],
        ]

    def verify(self, site: Site) -> Commands:
        return [*super().verify(site), ["git", "lfs", "fsck"]]


class Dvc(Git):
    name = "dvc"
    settings = "state/ as one tracked folder, hard-linked cache, no analytics; check is md5sum"
    tools = ("git", "dvc")

    def create(self, site: Site) -> Commands:
        options = {
            "core.analytics": "false",
            "core.check_update": "false",
            "cache.type": "hardlink",
        }
        return [
            *super().create(site),
            ["dvc", "init", "-q"],
            *(["dvc", "config", name, value] for name, value in options.items()),
        ]

    def commit(self, site: Site, changed: Sequence[str]) -> Commands:
        return [["dvc", "add", "-q", "state"], *super().commit(site, changed)]

    def verify(self, site: Site) -> Commands:
        # DVC has no check of its cache: its state database trusts the files' times.
        every = "find .dvc/cache -type f -print0 | xargs -0 md5sum"
        return [*super().verify(site), ["sh", "-c", every]]

    def store(self, site: Site) -> Sequence[Path]:
        return [*super().store(site), site.work / ".dvc" / "cache"]


class DataLad(Git):
    name = "datalad"
    settings = "git-annex with DataLad's default backend (MD5E), locked files"
    tools = ("git", "git-annex", "datalad")

    def create(self, site: Site) -> Commands:
        return [["datalad", "-l", "error", "create", "--force", "."]]

    def commit(self, site: Site, changed: Sequence[str]) -> Commands:
        return [["datalad", "-l", "error", "save", "-m", "iteration"]]

    def verify(self, site: Site) -> Commands:
        return [*super().verify(site), ["git", "annex", "fsck", "--all", "--quiet"]]


class Restic(Peer):
    name = "restic"
    settings = "repository v2, compression auto, packs of 64 MiB; each command derives a key"
    tools = ("restic",)

    def _version_option(self) -> str:
        return "version"

    def create(self, site: Site) -> Commands:
        return [["restic", "init", "-q", "--repository-version", "2"]]

    def commit(self, site: Site, changed: Sequence[str]) -> Commands:
        return [["restic", "backup", "-q", "--pack-size", "64", "--compression", "auto", "state"]]

    def verify(self, site: Site) -> Commands:
        return [["restic", "check", "-q", "--read-data"]]

    def log(self, site: Site) -> Commands:
        return [["restic", "snapshots"]]

    def store(self, site: Site) -> Sequence[Path]:
        return [site.folder / "repository"]


class Borg(Peer):
    name = "borg"
    settings = "no encryption, zstd level 1, fixed blocks of 4 MiB"
    tools = ("borg",)

    def create(self, site: Site) -> Commands:
        return [["borg", "init", "-e", "none"]]

    def commit(self, site: Site, changed: Sequence[str]) -> Commands:
        options = ["--compression", "zstd,1", "--chunker-params", "fixed,4194304"]
        return [["borg", "create", *options, "::{now:%Y%m%d%H%M%S%f}", "state"]]

    def verify(self, site: Site) -> Commands:
        return [["borg", "check", "--verify-data"]]

    def log(self, site: Site) -> Commands:
        return [["borg", "list"]]

    def store(self, site: Site) -> Sequence[Path]:
        return [site.folder / "repository"]


class Icechunk(Peer):
    name = "icechunk"
    settings = "64^3 chunks, byte-shuffle + zstd level 1, items as rows; check is reading all"
    tools = ()

    def missing(self, site: Site) -> str | None:
        if site.peers_python is None:
            return "not installed: icechunk (give --peers-python)"
        probe = [site.peers_python, "-c", "import icechunk, zarr"]
        absent = subprocess.run(probe, capture_output=True, env=site.environment()).returncode
        return "not installed: icechunk" if absent else None

    def version(self, site: Site) -> str:
        probe = [str(site.peers_python), "-c", "import icechunk; print(icechunk.__version__)"]
        done = subprocess.run(probe, capture_output=True, text=True, env=site.environment())
        return f"icechunk {done.stdout.strip()}"

    def create(self, site: Site) -> Commands:
        return self._side(site, "create")

    def commit(self, site: Site, changed: Sequence[str]) -> Commands:
        return self._side(site, "commit", *changed)

    def verify(self, site: Site) -> Commands:
        return self._side(site, "verify")

    def log(self, site: Site) -> Commands:
        return self._side(site, "log")

    def store(self, site: Site) -> Sequence[Path]:
        return [site.folder / "repository"]

    def _side(self, site: Site, verb: str, *changed: str) -> Commands:
        script = str(site.checkout / "benchmarks" / "icechunk_side.py")
        repository = str(site.folder / "repository")
        return [[str(site.peers_python), script, verb, repository, "state", *changed]]


class Mgit(Peer):
    name = "mgit"
    settings = "real layout of 19 arrays per item; byte-shuffle + zstd level 1; fsynced"
    tools = ()
    codec: ClassVar[str] = "zstd"
    verb: ClassVar[str] = "commit"

    def missing(self, site: Site) -> str | None:
        return None

    def version(self, site: Site) -> str:
        command = ["git", "rev-parse", "--short", "HEAD"]
        done = subprocess.run(command, cwd=site.checkout, capture_output=True, text=True)
        return f"mgit {done.stdout.strip() or 'of unknown commit'}"

    def create(self, site: Site) -> Commands:
        return self._side("create")

    def commit(self, site: Site, changed: Sequence[str]) -> Commands:
        return self._side(self.verb, self.codec, *changed)

    def verify(self, site: Site) -> Commands:
        return [[sys.executable, "-m", "mgit.cli.main", "verify", "--deep"]]

    def log(self, site: Site) -> Commands:
        return [[sys.executable, "-m", "mgit.cli.main", "log"]]

    def rates(self, site: Site) -> Commands:
        return self._side("rates")

    def store(self, site: Site) -> Sequence[Path]:
        return [site.work / ".mgit"]

    def _side(self, verb: str, *rest: str) -> Commands:
        return [[sys.executable, "-m", "benchmarks.ours", verb, *rest]]


class MgitRaw(Mgit):
    name = "mgit-raw"
    settings = "as mgit, with codec raw"
    codec = "raw"


class MgitFlat(Mgit):
    name = "mgit-flat"
    settings = "as mgit, but one array per file as the peers have it: no item or species layout"
    verb = "commit-flat"


PEERS: Sequence[Peer] = (
    Mgit(),
    MgitRaw(),
    MgitFlat(),
    Git(),
    GitLfs(),
    Dvc(),
    DataLad(),
    Restic(),
    Borg(),
    Icechunk(),
)
