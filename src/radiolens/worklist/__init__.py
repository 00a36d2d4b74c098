"""The work list: accept, queue, score, keep; what of it who may see, and when it is erased."""
