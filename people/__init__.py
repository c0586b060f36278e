"""Accounts: who somebody is, what was granted to them, and how they prove it."""
