"""How summaries are worded for a terminal, and how they become JSON records."""
