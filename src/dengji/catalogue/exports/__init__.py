"""Open exports: streams, DCAT, OAI-PMH, Atom, sitemaps, schema.org. Read-only, for anyone, from anywhere."""
