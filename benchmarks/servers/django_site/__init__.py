"""Django 5.2 in its recommended production form: psycopg 3, persistent connections; `BENCH_DEFAULTS=1` for its defaults."""
