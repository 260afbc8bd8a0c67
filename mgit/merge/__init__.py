"""Three-way merge of populations, path by path and particle by particle."""
