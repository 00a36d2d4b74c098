"""What is wrong with a data set before anyone trains on it: files, duplicates, leaks, labels, balance, shortcuts."""
