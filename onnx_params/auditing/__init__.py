"""Say whether an artifact is a checkpoint, and whether it is fit to ship."""
