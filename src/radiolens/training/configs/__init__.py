"""Experiments: Python files headed by their command, runtime and result."""
