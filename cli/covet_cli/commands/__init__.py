"""One module for each command of `covet`; a command parses its options, calls a use case and prints."""
