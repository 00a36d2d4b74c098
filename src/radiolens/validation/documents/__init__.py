"""The documents of a bundle's evidence, each written from its figures."""
