"""What a metasystem knows, as a fold of facts."""
