"""Databases: configuration, adapters, leases, transactions, the ORM and its schema migrations."""
