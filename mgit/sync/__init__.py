"""Clone, fetch and push: what the other side lacks, copied and checked, and then the refs."""
