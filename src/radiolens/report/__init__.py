"""Renders a case as PDF, print page and JSON: the values it is given, nothing is decided or measured here."""
