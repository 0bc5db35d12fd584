"""Django's own ORM tests as a measure of ours: `python -m tests.django_suite --help`."""
