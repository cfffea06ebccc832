"""What a user sees of a run: the organization at work, one line per event, and the summary at the end."""
