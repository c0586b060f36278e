"""What the city shows to geographic information systems: the same layers to read over HTTP, to filter and to export."""
