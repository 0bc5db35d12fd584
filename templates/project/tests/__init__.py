"""Run with `pytest`; each test's changes to the database are rolled back."""
