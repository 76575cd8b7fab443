"""Vehicles, chargers, sessions, sites and their limits, as arrays."""
