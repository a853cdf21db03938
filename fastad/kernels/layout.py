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
BLOCK_PRIMAL = 15
BLOCK_LINEARIZE = 16
BLOCK_ADJOINT = 17
BLOCK_PARTIALS = 18
OF_SLOPES = 25  # so many words further on stand the kernels of slopes, opcodes from FIRST_SLOPE on
FIRST_SLOPE = 80
RUN_CHUNK = 28
GATHER = 34
ACCUMULATE = 35
TANGENT_BLOCK = 36
ADJOINT_BLOCK = 37
PERFORM = 29
COPIES = 21  # ranges (start, stop) of inputs that are copied into their slots
AT_COPIES = 22
CLEARS = 23  # ranges (start, stop) of adjoints that are cleared before the reverse sweep
AT_CLEARS = 24
DIRECT = 25  # 1: the adjoints of the inputs stand in the caller's array and nowhere else
CELLS = 26  # partial sums of a group, and adjoints that cross from one chunk into the one before
GROUP_SCRATCH = 27  # registers of a group, and a stack for its sums
AT_FORWARD = 30  # steps of many points: values, and adjoints
AT_BACKWARD = 31
BAR_PLACES = 32  # places of adjoints of many points
SEED = 33  # place of the adjoint of the one output, or -1
HEADER = 44

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
CHAIN = 26  # segments from this one on whose chunks run one behind the other, if there are several
CHAIN_BACK = 27  # the same from this one backwards
ROW = 28

# --- kinds of segment -------------------------------------------------------------------------------
SCALAR_RUN = 0
ELEMENTWISE = 1
SUM = 2
MATMUL = 3
SCATTER_SUM = 4
GROUP = 5
CALL = 6  # SIZE1: the handle of what is called, SIZE2: the address that is called
EXTREMUM = 7  # SIZE1 is 1 for the greatest, -1 for the least element

# --- a group's row (`fused`): LENGTH elements, and these in place of the operands -------------------
G_BLOCK = 2  # elements that its registers hold
G_CHUNK = 4  # elements of a chunk
G_CHUNKS = 5
G_SEEDED = 6  # 1: the adjoint of what it ends in is known beforehand
G_CARRY = 1  # adjoints that a chunk leaves for the one before
G_FORWARD = 8  # word offset of a list of steps, and the number of steps
G_BACKWARD = 10
G_BOTH = 12
G_SUMS = 14  # word offset of the slots of its sums, and their number
G_SINGLES = 16  # the same for adjoints of operands that stand in one slot
G_CLUSTERS = 18  # word offset of its clusters (below), and their number
G_SPANS = 20  # the same for slots that are read again and again
G_KEEPING = 23  # the forward list of a gradient, which keeps partials for the backward list
G_STRIDE = 22  # distance of its registers
G_CELLS = 25  # where its cells begin among those of its chain

# --- a matrix product's row: words of the operand that it does not have -----------------------------
M_CHUNK = 20  # rows of a chunk; of several products, products of a chunk
M_CHUNKS = 21
M_FRESH = 22  # 1: nobody has written the adjoint of the left factor before, which is consecutive
M_BATCH = 23  # number of products, one behind the other
FORWARD, TANGENT, PULL_FACTORS = 0, 1, 2  # what a chunk of a product does
LEFT_ADJOINT, TURNED_LEFT_ADJOINT, RIGHT_ADJOINT = 3, 4, 5  # products of a chunk that pulls
# What a chunk of a chain does.
CHAIN_FORWARD, CHAIN_KEEPING, CHAIN_BACKWARD = 100, 101, 102

# --- a cluster: operands in memory whose slots overlap ----------------------------------------------
LOWEST = 0  # first slot of the operand that starts first
HIGHEST = 1  # first slot of the operand that starts last
FRESH = 2  # 1: nobody has written these adjoints before
CARRY = 3  # where its adjoints stand among those that a chunk leaves for the one before
CLUSTER_WORDS = 4

# --- slots that are read again and again ------------------------------------------------------------
SPAN_SLOT = 0  # the first
SPAN_COUNT = 1
SPAN_CARRY = 2  # where their adjoints stand among those that a chunk leaves
SPAN_WORDS = 3

# --- tiles: a short row of slots that is read again and again, then the next such row ----------------
TILE_START = 0
TILE_ROW = 1  # slots of a row
TILE_COUNT = 2  # elements before the next row's turn
TILE_STEP = 3  # distance of the rows
TILE_WORDS = 4

# --- a step of a group ------------------------------------------------------------------------------
# Places: slot s of the values as s, register r as -1 - r. Addresses and clusters are word offsets.
ACTION = 0
STEP_OPCODE = 1
X, Y, W = 2, 3, 4  # operands
Z = 5  # result
G = 6  # adjoint of the result
T0, T1, T2 = 7, 8, 9  # partials, or adjoints of the operands
AT_ONCE = 10  # bit k: target k is written, not added to
WHEN = 11  # 1: only at the beginning of a chunk, for what is the same in all blocks
STEP_WORDS = 12
NOWHERE = 1 << 40  # stands for no place

LOAD = 0  # Z = elements of the address X, in the caller's array where STEP_OPCODE is 1
APPLY = 1  # Z = op(X, Y, W)
LINEARIZED = 2  # the same, with partials in T0, T1, T2
TOTAL = 3  # cell T0 = sum of X
SEED_CONSTANT = 6  # T0 = the number whose bits are X
SEED_SLOT = 7  # T0 = the adjoint of slot X
PASS = 8  # T0 = or += G times the sign X
SCALE = 9  # T0 = or += X * G
PULL = 10  # T0, T1, T2 = or += partials of op(X, Y, W) = Z times G
OPEN = 11  # clear the adjoints of cluster X that come into view, where it is fresh
FLUSH_RUN = 12  # adjoints of slot X and following += G; cluster Y
FLUSH_SINGLE = 13  # cell T0 = sum of G
FLUSH_ANY = 14  # adjoints of address X += G
SUM_ROWS = 15  # consecutive slots from Z on = sums of STEP_OPCODE elements of X each
SEED_ROWS = 16  # T0 = or += adjoints of consecutive slots from X on, each for STEP_OPCODE elements
MATVEC = 18  # Z = rows of the matrix at slot X, W numbers each, times the vector at slot Y
PULL_MATVEC = 19  # what the chunk leaves for span Y += G @ rows of the matrix at slot X, W numbers each
FLUSH_SPAN = 17  # what the chunk leaves for address X, within span Y, += G
LOAD_TILES = 20  # Z = elements of the tiles X, in the caller's array where STEP_OPCODE is 1
FLUSH_TILES = 21  # what the chunk leaves for the tiles X, within span Y, += G; register T0 is overwritten

# --- control words, 64-bit integers behind the gather buffers ---------------------------------------
INPUT_VALUES = 0  # offset of the inputs: in the workspace or in the caller's array
INPUT_BARS = 1  # offset of their adjoints: likewise
AT_BARS = 2  # offset of all other adjoints, by slot
AT_CELLS = 3
AT_REGISTERS = 4
HELPERS = 5  # threads that may come to help
PHASE = 6  # number of groups that chunks were given away of, modulo 2**30
SHARED_ROW = 7  # the group and the list that is under way
SHARED_STEPS = 8
NEXT_CHUNK = 9  # phase << 32 | chunk, or -1 while there is nothing to do
DONE = 10  # chunks carried out
SHARED_CHUNKS = 11  # of the group that is under way
MATRIX_X = 12  # offsets of the factors and the result (or the left adjoint) of the matrix product that is under way
MATRIX_Y = 13
MATRIX_OUT = 14
MATRIX_G = 15  # offset of the result's adjoint, and of the right factor's
MATRIX_RIGHT = 16  # offsets are -1 where nobody asks
MATRIX_TURNED = 17  # 1: Y holds the right factors transposed
FAILED = 18  # 1: a rule that was called ended in an error
CONTROL = 24
STACK = 256  # numbers that a group's sums need besides its registers

# --- many points: a slot is a place, which holds LANES consecutive numbers, one a point ----------------
LANES = 16
FORWARD_FROM, FORWARD_TO = 4, 5  # words of a run's row: its part of the steps, in 32-bit words
BACKWARD_FROM, BACKWARD_TO = 8, 9

# A step of values: action, places of the two operands, place of the result. Behind the last two actions come
# the opcode and the places of the partials.
V_ADD, V_SUBTRACT, V_MULTIPLY, V_DIVIDE, V_NEGATIVE, V_PRIMAL, V_LINEARIZE = 0, 1, 2, 3, 4, 5, 6
VALUE_WORDS, VALUE_WORDS_LONG = 4, 8

# A step of adjoints: 2 * action (+ 1 where the target is written, not added to), place of a factor, of the
# adjoint of the result, of the target. B_PULL: the opcode in place of the factor, bit k where target k is written,
# places of left, right and result, two targets.
B_PASS, B_NEGATE, B_SCALE, B_TWICE, B_PULL = 0, 1, 2, 3, 4
BAR_WORDS, BAR_WORDS_LONG = 4, 12

# How the adjoint of an operand comes about, for the scan that writes the steps.
WAY_NONE, WAY_PASS, WAY_NEGATE, WAY_LEFT, WAY_RIGHT, WAY_RESULT, WAY_TWICE, WAY_STORED, WAY_PULL = range(9)

# --- block stream -----------------------------------------------------------------------------------
BLOCK = 512  # elements whose partials and intermediates stay in the first-level cache
BUFFERS = 12  # gather buffers in a workspace

# --- tasks of a call -------------------------------------------------------------------------------------
CALL_VALUE, CALL_PUSH, CALL_PULL = 0, 1, 2

# --- tasks of the entry -----------------------------------------------------------------------------
GRADIENT = 0  # x (n,) -> gradient (n,), and the value
PRIMAL = 1  # x (n,) -> outputs (m,)
LINEARIZE = 2  # x (n,) -> outputs (m,); the tasks below use what this one leaves in the workspace
TANGENTS = 3  # seeds (lanes, n) -> (lanes, m)
ADJOINTS = 4  # weights (lanes, m) -> (lanes, n)
