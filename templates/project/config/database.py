"""Where the data is: the environment variable DATABASE_URL, or this project's own default."""

import os
from pathlib import Path

from covet.database import DatabaseConfig

BASE_DIR = Path(__file__).resolve().parent.parent
DATABASE = DatabaseConfig(url=os.environ.get("DATABASE_URL", "@@database_source@@"))
