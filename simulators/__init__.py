"""Outsiders that behave like devices, and the synthetic city they live in."""
