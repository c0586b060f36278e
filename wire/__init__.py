"""The contract with devices: topics and payloads. Pure."""
