"""Benchmarks of mgit against its peers; opt-in, never part of the tests (README.md)."""
