"""One module a stack, each serving the same endpoints with the same answers."""
