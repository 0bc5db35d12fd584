"""Expressions as DDL; the ORM's own tables need them too, so they are made there."""

from covet.database.orm.ddl import DefinitionEmitter, default_sql, expression_sql

__all__ = ["DefinitionEmitter", "default_sql", "expression_sql"]
