"""Benchmarks: CovetPy beside Django and others, over one database, in interleaved runs. `python3 dev.py bench`."""
