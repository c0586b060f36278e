"""From located readings to incidents and notices."""
