"""Real Django projects from the package index: their tables beside the models that stand for them here."""
