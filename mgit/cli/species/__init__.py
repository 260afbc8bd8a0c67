"""Verbs of a species: `mgit species add`, `mgit species list` and their siblings."""
