"""The `covet` command: thin click commands over the use cases of `covet`; nothing in `covet` imports it."""
