"""Evidence deposit (存证, Measures Art. 7): digests of data that never enter the platform. No Django, no database."""
