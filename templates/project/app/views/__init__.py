"""Handlers: `pages` answers with HTML, `api` with JSON."""
