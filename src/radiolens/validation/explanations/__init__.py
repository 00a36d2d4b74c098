"""Tests of a bundle's explanations: against masks, against shuffled weights, against occlusion."""
