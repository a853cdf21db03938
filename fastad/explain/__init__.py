"""The textbook view of a tape: listing, evaluation traces, computation graph, and formulas given as text."""
