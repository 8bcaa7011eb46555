"""What stands beside the register: the pages an agency edits, and requests of people about their own data."""
