"""Makes what tests need through the services; one module, no fixtures files."""
