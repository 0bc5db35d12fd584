"""The operations of a migration, by what they work on."""
