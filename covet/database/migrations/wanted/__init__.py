"""Wanted: what the models want of a database, as definitions in that database's words."""
