"""mgit: version control for the state of multi-particle refinement in cryo-EM.

Everything a verb of the command line does is one call of the public API:

    import mgit
    population = mgit.open(".")
    population.snapshot("HEAD")
"""

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from mgit.history.repository import Repository

__all__ = ["__version__", "open"]

__version__ = "0.1.0"


def open(directory: str = ".") -> "Repository":
    """Open the repository that holds `directory`, searching upwards. Raises NotFound."""
    from mgit.history.repository import Repository

    return Repository.open(directory)
