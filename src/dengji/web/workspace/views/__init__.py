"""The pages of the workspace, a module each for a part of the way."""
