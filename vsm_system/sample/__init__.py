"""The sample repository: a small real package with lint errors, old syntax and passing tests."""
