"""Template tags of the web side."""
