"""Read-only questions of the HTTP API to the tables several packages share; no function here writes."""
