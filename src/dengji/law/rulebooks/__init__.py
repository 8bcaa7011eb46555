"""The shipped rulebooks (*.toml) and the list of their settings (keys.toml, keys.py)."""
