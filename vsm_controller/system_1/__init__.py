"""System 1: the operations - who does a task, and what came of it."""
