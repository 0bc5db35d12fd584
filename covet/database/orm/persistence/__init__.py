"""What an instance does with its row: save, delete, refresh. Models derive from `base.Persistence`."""
