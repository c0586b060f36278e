"""HTTP: reads and commands; it owns no rule of the domain."""
