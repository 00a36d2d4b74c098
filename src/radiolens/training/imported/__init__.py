"""Other people's Keras networks: from a file nobody trusts to a bundle, and back to a file."""
