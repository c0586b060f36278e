"""Rules over stored readings: what they would have raised, beside what was raised and what was really wrong."""
