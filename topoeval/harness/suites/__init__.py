"""Suites and methods, as people write them."""
