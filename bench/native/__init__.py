"""Compiled functions: five codes as they are, and in JAX as they must be rewritten; figures of the recorder."""
