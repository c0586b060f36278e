"""Value types shared by at least two packages; standard library and numpy only."""
