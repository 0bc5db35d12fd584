"""States: a database's schema as plain values, read in the database's own canonical words."""
