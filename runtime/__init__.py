"""Composition root: settings, logs, metrics, and the long-running loops."""
