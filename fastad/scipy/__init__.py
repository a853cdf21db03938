"""Functions of SciPy by name, for values that are differentiated."""
