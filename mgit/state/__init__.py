"""What arrays mean: names, schema and frozen views of sources, items, species and particles."""
