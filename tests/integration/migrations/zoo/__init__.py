"""A Django app with every kind of column, constraint and index; CovetPy reads the same source."""
