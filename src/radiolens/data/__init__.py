"""From the world to a split manifest: import, splits, audit, acquisition of public sets."""
