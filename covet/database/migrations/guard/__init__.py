"""The zero-downtime guard: reads a migration's source and names what would block or break a live system."""
