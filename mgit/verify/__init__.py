"""The audit: refs, objects, graph, state digests, provenance, raw data."""
