"""Runs: what one command does with an organization, a repository and a ledger, from request to result."""
