"""Read-only summaries behind show, diff, status, list and du."""
