"""Made-up data with a known truth: for the demo, the tests and the documentation."""
