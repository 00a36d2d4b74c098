"""The work list, a case with its viewer, and what its readers answer."""
