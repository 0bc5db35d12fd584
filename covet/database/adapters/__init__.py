"""The drivers: one adapter for each database, and the leases under them."""
