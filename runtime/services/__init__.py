"""Mosquitto and PostgreSQL run as plain processes in a data directory, without containers."""
