"""Django's PostgreSQL backend with two things it lacks: prepared statements on request, and a cheap look before use."""
