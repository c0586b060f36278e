"""Patrol-grid geometry: projection, unit grids, patrol grids, location of a point. Pure."""
