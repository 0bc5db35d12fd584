"""MariaDB and MySQL through asyncmy."""
