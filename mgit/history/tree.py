"""The two trees of a repository: a commit's, read only, and one being changed."""

from mgit.history.draft import Draft
from mgit.history.snapshot import Snapshot

__all__ = ["Draft", "Snapshot"]
