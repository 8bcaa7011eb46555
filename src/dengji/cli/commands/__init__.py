"""One module per command; `dengji.cli.main` finds them by their file names."""
