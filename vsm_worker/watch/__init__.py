"""Watching a repository's common git directory while a leaf without a sandbox works next to it."""
