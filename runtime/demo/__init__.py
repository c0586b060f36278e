"""The demo: a whole city brought to life, watched, counted and matched against the faults put into it."""
