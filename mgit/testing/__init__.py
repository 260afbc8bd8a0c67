"""Contracts, strategies and in-memory twins for tests; shipped for method developers."""
