"""The device registry: profiles, registration, life cycle, health."""
