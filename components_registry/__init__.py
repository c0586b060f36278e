"""The registry of urban components (城市部件): their classes, codes, survey files, and rows."""
