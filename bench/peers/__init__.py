"""fastad beside other tools, on the same inputs in one process: `python -m bench.peers`.

`works` lists what is differentiated and the bars to meet; each `tool_*` module prepares one work for one tool;
`measure` checks the results against one another and then times them by turns; `table` and `plots` show it.
"""
