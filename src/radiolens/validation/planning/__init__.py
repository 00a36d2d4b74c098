"""A site's own scores and outcomes, and the files of the threshold that is planned on them."""
