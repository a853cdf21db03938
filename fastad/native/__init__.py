"""Derivatives of functions that Numba has compiled, and tapes inside them."""
