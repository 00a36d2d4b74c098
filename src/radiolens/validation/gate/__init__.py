"""How well the gate refuses what no task is for, and lets pass what is."""
