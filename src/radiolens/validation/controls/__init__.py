"""Controls beside every result: what plain fits on features reach, by patient, by image and across sources."""
