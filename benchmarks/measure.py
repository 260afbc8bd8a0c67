"""Cost of commands (CPU of the process tree, wall, fsyncs), size of folders, machine facts."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "CommandFailed",
    "Cost",
    "copy_changed",
    "disk_usage",
    "fsync_count",
    "machine_facts",
    "run",
]

SYNCING_CALLS = "fsync,fdatasync,sync_file_range,syncfs,sync"


class CommandFailed(Exception):
    """A measured command ended with a non-zero status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one or several commands cost: CPU (user + system), wall, largest resident process."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            cpu_s=self.cpu_s + other.cpu_s,
            wall_s=self.wall_s + other.wall_s,
            peak_mb=max(self.peak_mb, other.peak_mb),
        )

    def record(self) -> dict[str, float]:
        """The cost as a JSON record, rounded to what the clock can tell."""
        return {
            "cpu_s": round(self.cpu_s, 4),
            "wall_s": round(self.wall_s, 4),
            "peak_mb": round(self.peak_mb, 1),
        }


def run(
    commands: Sequence[Sequence[str]], *, directory: Path, environment: Mapping[str, str]
) -> Cost:
    """Run commands one after the other and add up what their process trees used.

    CPU comes from wait4 and so covers every descendant that was itself waited for; the peers are
    configured to leave no daemon behind. Raises CommandFailed with the end of the output.
    """
    total = Cost()
    for command in commands:
        with tempfile.TemporaryFile() as output:
            start = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                output.seek(0)
                text = output.read().decode(errors="replace")[-2000:]
                raise CommandFailed(f"{' '.join(command[:6])}: status {process.returncode}\n{text}")
        total += Cost(
            cpu_s=usage.ru_utime + usage.ru_stime, wall_s=wall, peak_mb=usage.ru_maxrss / 1024
        )
    return total


def fsync_count(
    commands: Sequence[Sequence[str]], *, directory: Path, environment: Mapping[str, str]
) -> int | None:
    """Synchronising system calls of the commands' process trees; None where strace is missing."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    count = 0
    for command in commands:
        with tempfile.NamedTemporaryFile("r") as trace:
            options = [
                "-f",
                "--seccomp-bpf",
                "-c",
                "-o",
                trace.name,
                "-e",
                f"trace={SYNCING_CALLS}",
            ]
            run([[strace, *options, *command]], directory=directory, environment=environment)
            # Columns of the summary: % time, seconds, usecs/call, calls, [errors], syscall.
            rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*sync\S*$", trace.read(), re.M)
            count += sum(int(calls) for calls in rows)
    return count


def disk_usage(paths: Sequence[Path]) -> tuple[int, int]:
    """(bytes, files) below `paths`; bytes are file lengths, and a hard-linked file counts once."""
    seen: dict[tuple[int, int], int] = {}
    for top in paths:
        for directory, _, names in os.walk(top):
            for name in names:
                status = os.lstat(os.path.join(directory, name))
                seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values()), len(seen)


def copy_changed(source: Path, target: Path, paths: Sequence[str]) -> None:
    """Put changed files into a working folder as new inodes, and flush them to the disk.

    A peer may have replaced the old file by a link into its store: nothing is written through it.
    """
    for path in paths:
        destination = target / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.unlink(missing_ok=True)
        shutil.copyfile(source / path, destination)
    os.sync()


def machine_facts() -> dict[str, object]:
    """What a reader needs to judge the numbers; names neither the host nor any path."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gb": round(memory / 1e9, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
