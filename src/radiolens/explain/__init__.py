"""Where the network looked: activation maps from exported features, and their overlay."""
