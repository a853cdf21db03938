"""Where things stand in a packed program: one int64 array holds all that the kernels need.

A program is a header, one row a segment, the scalar stream's opcodes (bytes) and operands (unsigned
32-bit), index tables (32-bit) and the guards. `fastad.schedule` writes it, the kernels read it. One
array because each array argument of a compiled call costs about 50 ns.
"""

# --- header words -----------------------------------------------------------------------------------
INPUTS = 0  # number of input slots; they are slots 0 .. INPUTS
SLOTS = 1  # number of slots
SCALARS = 2  # number of scalar instructions
SEGMENTS = 3  # number of segment rows
AT_SEGMENTS = 4  # word offsets of the parts
AT_OPCODES = 5
AT_LEFT = 6
AT_RIGHT = 7
GUARDS = 8  # number of guards: slots, then the expected values
AT_GUARDS = 9
OUTPUTS = 10  # number of output slots
AT_OUTPUTS = 11
BUFFER = 12  # elements that one gather buffer must hold (times the directions that travel together)
SCALAR_PRIMAL = 13  # addresses of the dispatch kernels; 0 until one is needed
SCALAR_LINEARIZE = 14
SCALAR_CURVATURE = 15
BLOCK_PRIMAL = 16
BLOCK_PARTIALS = 17
BLOCK_CURVATURE = 18
HEADER = 20

# --- a segment row ----------------------------------------------------------------------------------
KIND = 0
OPCODE = 1
FIRST = 2  # first result slot
LENGTH = 3  # number of results (instructions, for the scalar stream)
SIZE0 = 4  # first instruction (scalar stream), or the sizes of an array instruction
SIZE1 = 5
SIZE2 = 6
ACTIVE = 7  # bit k: operand k depends on an independent
OPERAND = 8  # operand k starts at OPERAND + k * OPERAND_WORDS
OPERAND_WORDS = 6
AFFINE = 0  # 1: start, inner, strides; 0: START is the word offset of an index table
START = 1
INNER = 2
INNER_STRIDE = 3
OUTER_STRIDE = 4
COUNT = 5
ROW = 26

# --- kinds of segment -------------------------------------------------------------------------------
SCALAR_RUN = 0
ELEMENTWISE = 1
SUM = 2
MATMUL = 3
SCATTER_SUM = 4

# --- block stream -----------------------------------------------------------------------------------
BLOCK = 512  # elements whose partials and intermediates stay in the first-level cache
BUFFERS = 12  # gather buffers in a workspace

# --- tasks of the entry -----------------------------------------------------------------------------
GRADIENT = 0  # x (n,) -> gradient (n,), and the value
PRIMAL = 1  # x (n,) -> outputs (m,)
LINEARIZE = 2  # x (n,) -> outputs (m,); the tasks below use what this one leaves in the workspace
TANGENTS = 3  # seeds (lanes, n) -> (lanes, m)
ADJOINTS = 4  # weights (lanes, m) -> (lanes, n)
SECOND_ORDER = 5  # weights (m,) | seeds (lanes, n) -> adjoints (n,) | their derivatives (lanes, n)
