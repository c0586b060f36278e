"""Geometry of the city's grids: projection, tessellation, location. Pure: no files, no database, no clock."""
