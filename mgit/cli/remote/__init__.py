"""Verbs of remotes: `mgit remote add`, `mgit remote list`, `mgit remote remove`."""
