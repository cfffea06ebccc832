"""Acceptance: what a result is judged by, run by somebody who is not its author, compared with what held before."""
