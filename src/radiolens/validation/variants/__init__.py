"""Variants of the training recipes, compared on features of untouched ImageNet networks."""
