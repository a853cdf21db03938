"""Recorders: what makes a tape of a user's function. `recorder` is the NumPy one's front door."""
