"""The repository as System 3 sees it: identity, inventory, merges and refs; nothing of it is ever run."""
