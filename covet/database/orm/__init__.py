"""The ORM: models, managers and QuerySets, awaited."""
