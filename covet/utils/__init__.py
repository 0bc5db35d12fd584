"""Small pure functions that every floor may use."""
