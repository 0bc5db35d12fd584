"""What `covet migration` does, one module a concern; they return data, and the command line prints it."""
