"""Recording functions that Numba has compiled, from compiled code."""
