"""Twins: a second column beside one that is used, kept in step by triggers, to rename or retype it under load."""
