"""From the broker to located readings."""
