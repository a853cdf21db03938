"""Programs that measure; run them from the top folder of a checkout, `python -m bench.engine`."""
