"""Reasons not to believe an image; takes arrays and features, runs no network."""
