"""`python -m covet_cli`, for environments whose script folder is not on PATH."""

from covet_cli.main import main

if __name__ == "__main__":
    main()
