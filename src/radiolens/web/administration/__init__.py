"""The pages of whoever keeps the site: models, thresholds, and what else is set."""
