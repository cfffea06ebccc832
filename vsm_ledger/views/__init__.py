"""Views: questions about the ledger that take more than a read of one table."""
