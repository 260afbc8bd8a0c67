"""Verbs of a data source: `mgit source add`, `mgit source list` and their siblings."""
