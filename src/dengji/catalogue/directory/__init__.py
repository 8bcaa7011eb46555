"""The directory of government data (政务数据目录) held against the register: what is registered, what open."""
