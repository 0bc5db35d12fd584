"""The same models in Django and in CovetPy, for tests that compare the two."""
