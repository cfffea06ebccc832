"""The versions of the schema, each as the change from the one before; what is here is never edited."""
