"""SQLite through aiosqlite."""
