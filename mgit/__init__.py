"""mgit: version control for the state of multi-particle refinement in cryo-EM.

Everything a verb of the command line does is one call of the public API:

    import mgit

    project = mgit.open(".")
    project.population("HEAD").counts()
    zarr.open_group(project.zarr("HEAD"), mode="r")
"""

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from mgit.api import OpenRepository

__all__ = ["__version__", "open"]

__version__ = "0.1.0"


def open(directory: str = ".") -> "OpenRepository":
    """Open the repository that holds `directory`, searching upwards.

    Raises NotFound if there is none and Unsupported for a format that this version does not know.
    """
    from mgit.api import OpenRepository
    from mgit.history.repository import Repository

    return OpenRepository(Repository.open(directory))
