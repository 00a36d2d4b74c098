"""Studies of a bundle on a manifest."""
