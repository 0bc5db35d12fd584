"""From resolved queries to SQL: the query model, its clauses, and what emits them through SQLAlchemy Core."""
