"""The steps that bring an older database's tables to this version."""
