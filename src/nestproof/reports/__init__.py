"""Evidence, drawn: one module for each format."""
