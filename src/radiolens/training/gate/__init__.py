"""How the gate network is made: its pictures, generated defects and junk, its heads, and its bundle."""
