"""Commits as lanes of characters, newest first: the left side of `mgit log --graph`."""

TYPE_CHECKING = False  # `typing` is not imported here: the module is on the log's start-up path.
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lanes"]


class Lanes:
    """The open lines of descent between the commits drawn so far and those still to come.

    A lane is the id of the commit it waits for; no two lanes wait for the same commit.
    """

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes: list[str] = []

    def draw(self, commit: str, parents: "Sequence[str]") -> tuple[str, list[str], str]:
        """Draw one commit; children must have been drawn before their parents.

        Returns the text left of the commit's first line, the texts of the rows in which lanes
        bend below it, and the text left of any further line.
        """
        if commit not in self._lanes:
            self._lanes.append(commit)
        column = self._lanes.index(commit)
        node = _row({2 * place: "|" for place in range(len(self._lanes))} | {2 * column: "*"})
        before = list(self._lanes)
        after = _successors(before, column, parents)
        self._lanes = after
        bends = _bends(_edges(before, after, column, parents))
        return node, bends, _row({2 * place: "|" for place in range(len(after))})


def _successors(lanes: list[str], column: int, parents: "Sequence[str]") -> list[str]:
    """The lanes below a commit: its own lane is replaced by its parents that have none yet."""
    others = lanes[:column] + lanes[column + 1 :]
    fresh: list[str] = []
    for parent in parents:
        if parent not in others and parent not in fresh:
            fresh.append(parent)
    return lanes[:column] + fresh + lanes[column + 1 :]


def _edges(
    before: list[str], after: list[str], column: int, parents: "Sequence[str]"
) -> list[tuple[int, int]]:
    """Pairs (place above, place below) of every line between two rows of commits."""
    edges = [(place, after.index(lane)) for place, lane in enumerate(before) if place != column]
    edges += [(column, after.index(parent)) for parent in dict.fromkeys(parents)]
    return edges


def _bends(edges: list[tuple[int, int]]) -> list[str]:
    """Rows that lead every line to its place, one column per row; none if all run straight."""
    rows = []
    while any(place != goal for place, goal in edges):
        marks: dict[int, str] = {}
        moved = []
        for place, goal in edges:
            step = (goal > place) - (goal < place)
            # A bend is drawn over a straight line that shares its character cell.
            if step or 2 * place not in marks:
                marks[2 * place + step] = {-1: "/", 0: "|", 1: "\\"}[step]
            moved.append((place + step, goal))
        rows.append(_row(marks))
        edges = sorted(set(moved))
    return rows


def _row(marks: dict[int, str]) -> str:
    width = max(marks, default=-1) + 1
    return "".join(marks.get(place, " ") for place in range(width))
