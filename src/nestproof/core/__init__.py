"""Outcomes, diagnostics, source text, processes, signals, configuration, redaction and git."""
