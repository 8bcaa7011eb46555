"""Two engines behind one interface: tantivy where there is a wheel, PostgreSQL everywhere."""
