"""Bridges: what does not speak MQTT is published as it came, at QoS 1; decoding is ingest's (ADR-0013)."""
