"""`python -m tests.django_suite`."""

import sys

from tests.django_suite.cli import main

if __name__ == "__main__":
    sys.exit(main())
