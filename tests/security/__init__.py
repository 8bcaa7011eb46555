"""What must never be possible: rewriting what was decided, or reading a person out of a dump."""
