"""Compiled code that is not among the kernels of the sweeps."""
