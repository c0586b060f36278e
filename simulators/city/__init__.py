"""The synthetic city: central Tangshan's size, codes and names; its streets, grids and components are invented.

Seeded: the same seed gives the same files, byte for byte. Everything it writes says that it is synthetic.
"""
