"""The command line: reads what a user asks, hands it on, and prints what came of it; the one place that prints."""
