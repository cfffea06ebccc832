"""The metasystem: the same pure controller at every depth of the organization."""
