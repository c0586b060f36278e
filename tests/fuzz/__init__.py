"""Fuzzers of everything that reads strangers' bytes: `make check-long`."""
