"""Greedy colourings of sparse patterns, the orders in which they take vertices, and recovery by substitution.

A pattern is `indptr` and `indices` of its rows; a graph is a symmetric pattern, whose diagonal counts for nothing. Sets
of forbidden colours are arrays of stamps: a colour is forbidden for v where its stamp is v.

Sources: Gebremedhin, Manne & Pothen, What color is your Jacobian? (2005), for the distance-2 colouring; Gebremedhin,
Tarafdar, Manne & Pothen, New acyclic and star coloring algorithms with application to computing Hessians (2007),
algorithms 3.1 and 4.1; Matula & Beck, Smallest-last ordering (1983).
"""

import numpy as np
from numba import njit

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True)

NONE = -1


@kernel
def least_allowed(forbidden, v):
    color = 0
    while forbidden[color] == v:
        color += 1
    return color


# --- orders -------------------------------------------------------------------------------------------
@entry
def smallest_last(indptr, indices, order):
    """Vertices such that each has the fewest neighbours among those before it, by buckets of degrees."""
    n = order.size
    degree, deepest = np.empty(n, np.int64), 0
    for v in range(n):
        degree[v] = indptr[v + 1] - indptr[v]
        deepest = max(deepest, degree[v])
    heads = np.full(deepest + 1, NONE, np.int64)
    after, before = np.full(n, NONE, np.int64), np.full(n, NONE, np.int64)
    for v in range(n - 1, -1, -1):
        link(v, degree[v], heads, after, before)
    least, taken = 0, np.zeros(n, np.bool_)
    for at in range(n - 1, -1, -1):
        while heads[least] == NONE:
            least += 1
        v = heads[least]
        unlink(v, least, heads, after, before)
        order[at], taken[v] = v, True
        for i in range(indptr[v], indptr[v + 1]):
            w = indices[i]
            if not taken[w] and w != v:
                unlink(w, degree[w], heads, after, before)
                degree[w] -= 1
                link(w, degree[w], heads, after, before)
                least = min(least, degree[w])


@kernel
def link(v, bucket, heads, after, before):
    after[v], before[v] = heads[bucket], NONE
    if heads[bucket] != NONE:
        before[heads[bucket]] = v
    heads[bucket] = v


@kernel
def unlink(v, bucket, heads, after, before):
    if before[v] == NONE:
        heads[bucket] = after[v]
    else:
        after[before[v]] = after[v]
    if after[v] != NONE:
        before[after[v]] = before[v]


# --- columns that meet in no row ----------------------------------------------------------------------
@entry
def color_distance_two(row_starts, columns, column_starts, rows, order, colors):
    """Colours of the columns such that those which meet in a row differ; empty columns get none. Returns the number."""
    forbidden, count = np.full(order.size + 1, NONE, np.int64), 0
    for v in order:
        if column_starts[v] == column_starts[v + 1]:
            continue
        for i in range(column_starts[v], column_starts[v + 1]):
            row = rows[i]
            for j in range(row_starts[row], row_starts[row + 1]):
                if colors[columns[j]] != NONE:
                    forbidden[colors[columns[j]]] = v
        colors[v] = least_allowed(forbidden, v)
        count = max(count, colors[v] + 1)
    return count


# --- graphs -------------------------------------------------------------------------------------------
@entry
def number_edges(indptr, indices, edges):
    """The number of each entry's edge, the same in both directions; -1 on the diagonal. Returns how many there are.

    Rows are in order, so the entries (j, i) of all j come in the order in which a walk over the rows i meets them.
    """
    n, count = indptr.size - 1, 0
    following = indptr[:-1].copy()
    for i in range(n):
        for at in range(indptr[i], indptr[i + 1]):
            j = indices[at]
            if j == i:
                edges[at] = NONE
            elif j > i:
                edges[at] = count
                while indices[following[j]] < i:
                    following[j] += 1
                edges[following[j]] = count
                following[j] += 1
                count += 1
    return count


@kernel
def forbid_around(v, w, indptr, indices, colors, forbidden):
    """Forbid the colours of w's neighbours for v."""
    for i in range(indptr[w], indptr[w + 1]):
        x = indices[i]
        if x != v and x != w and colors[x] != NONE:
            forbidden[colors[x]] = v


@kernel
def is_colored_neighbour(v, w, colors):
    return w != v and colors[w] != NONE


@entry
def color_star(indptr, indices, edges, count_edges, order, colors):
    """Colours such that neighbours differ and no path of four vertices has two colours. Returns the number."""
    n = order.size
    forbidden, treated = np.full(n + 1, NONE, np.int64), np.full(n, NONE, np.int64)
    first = np.full((3, n + 1), NONE, np.int64)  # by colour: whose neighbour was met first, which one, by which edge
    star, hub, stars, count = np.empty(count_edges, np.int64), np.empty(count_edges, np.int64), 0, 0
    for v in order:
        forbid_around(v, v, indptr, indices, colors, forbidden)
        forbid_paths(v, indptr, indices, edges, colors, forbidden, treated, first, star, hub)
        colors[v] = least_allowed(forbidden, v)
        count = max(count, colors[v] + 1)
        stars = join_stars(v, indptr, indices, edges, colors, first, star, hub, stars)
    return count


@kernel
def forbid_paths(v, indptr, indices, edges, colors, forbidden, treated, first, star, hub):
    """Forbid the colours with which v would end or continue a path of four vertices in two colours."""
    for i in range(indptr[v], indptr[v + 1]):
        w = indices[i]
        if not is_colored_neighbour(v, w, colors):
            continue
        c = colors[w]
        if first[0, c] == v:
            other = first[1, c]
            if treated[other] != v:
                forbid_around(v, other, indptr, indices, colors, forbidden)
                treated[other] = v
            forbid_around(v, w, indptr, indices, colors, forbidden)
            treated[w] = v
        else:
            first[0, c], first[1, c], first[2, c] = v, w, edges[i]
            for j in range(indptr[w], indptr[w + 1]):
                x = indices[j]
                if x != v and is_colored_neighbour(w, x, colors) and hub[star[edges[j]]] == x:
                    forbidden[colors[x]] = v


@kernel
def join_stars(v, indptr, indices, edges, colors, first, star, hub, stars):
    """Put the edges of v, which has its colour, into stars of two colours; the number of stars."""
    for i in range(indptr[v], indptr[v + 1]):
        w = indices[i]
        if not is_colored_neighbour(v, w, colors):
            continue
        c, same = colors[w], NONE
        for j in range(indptr[w], indptr[w + 1]):
            x = indices[j]
            if x != v and x != w and colors[x] == colors[v]:
                same = edges[j]
                break
        if same != NONE:
            hub[star[same]] = w
            star[edges[i]] = star[same]
        elif first[1, c] != w:
            hub[star[first[2, c]]] = v
            star[edges[i]] = star[first[2, c]]
        else:
            star[edges[i]], hub[stars] = stars, NONE
            stars += 1
    return stars


@kernel
def find(parents, e):
    while parents[e] != e:
        parents[e] = parents[parents[e]]
        e = parents[e]
    return e


@entry
def color_acyclic(indptr, indices, edges, count_edges, order, colors):
    """Colours such that neighbours differ and no cycle has two colours. Returns the number."""
    n = order.size
    forbidden = np.full(n + 1, NONE, np.int64)
    first = np.full((2, n + 1), NONE, np.int64)  # by colour: whose neighbour was met first, by which edge
    visits = np.full((2, count_edges), NONE, np.int64)  # by tree: from which vertex it was reached, by which one
    parents, count = np.empty(count_edges, np.int64), 0
    for v in order:
        forbid_around(v, v, indptr, indices, colors, forbidden)
        forbid_cycles(v, indptr, indices, edges, colors, forbidden, parents, visits)
        colors[v] = least_allowed(forbidden, v)
        count = max(count, colors[v] + 1)
        grow_trees(v, indptr, indices, edges, colors, first, parents)
        join_trees(v, indptr, indices, edges, colors, parents)
    return count


@kernel
def forbid_cycles(v, indptr, indices, edges, colors, forbidden, parents, visits):
    """Forbid the colours with which v would meet a tree of two colours twice."""
    for i in range(indptr[v], indptr[v + 1]):
        w = indices[i]
        if not is_colored_neighbour(v, w, colors):
            continue
        for j in range(indptr[w], indptr[w + 1]):
            x = indices[j]
            if x == v or not is_colored_neighbour(w, x, colors) or forbidden[colors[x]] == v:
                continue
            tree = find(parents, edges[j])
            if visits[0, tree] != v:
                visits[0, tree], visits[1, tree] = v, w
            elif visits[1, tree] != w:
                forbidden[colors[x]] = v


@kernel
def grow_trees(v, indptr, indices, edges, colors, first, parents):
    """The edges from v to neighbours of one colour are one tree."""
    for i in range(indptr[v], indptr[v + 1]):
        w = indices[i]
        if is_colored_neighbour(v, w, colors):
            e, c = edges[i], colors[w]
            parents[e] = e
            if first[0, c] != v:
                first[0, c], first[1, c] = v, e
            else:
                parents[e] = find(parents, first[1, c])


@kernel
def join_trees(v, indptr, indices, edges, colors, parents):
    """Trees of the same two colours that v connects are one."""
    for i in range(indptr[v], indptr[v + 1]):
        w = indices[i]
        if not is_colored_neighbour(v, w, colors):
            continue
        for j in range(indptr[w], indptr[w + 1]):
            x = indices[j]
            if x != v and x != w and colors[x] == colors[v]:
                parents[find(parents, edges[i])] = find(parents, edges[j])


# --- recovery -----------------------------------------------------------------------------------------
@entry
def count_met(indptr, indices, colors, met):
    """For each entry (i, j), how many neighbours of i have the colour of j."""
    seen, times = np.full(colors.size + 1, NONE, np.int64), np.zeros(colors.size + 1, np.int64)
    for i in range(indptr.size - 1):
        for at in range(indptr[i], indptr[i + 1]):
            c = colors[indices[at]]
            if seen[c] != i:
                seen[c], times[c] = i, 0
            times[c] += 1
        for at in range(indptr[i], indptr[i + 1]):
            met[at] = times[colors[indices[at]]]


@entry
def plan_substitution(indptr, indices, turned, colors, met, steps):
    """In which order entries are found: (entry, its mirror image, place it is read from, place it is taken off).

    An entry is found where it is the last unknown of its colour in its row: leaves of two-coloured trees first.
    Returns the number of steps; fewer than there are pairs of entries if the colouring has a two-coloured cycle.
    """
    n = indptr.size - 1
    unknown = met.copy()
    done, queue, size = np.zeros(indices.size, np.bool_), np.empty(indices.size, np.int64), 0
    rows = np.empty(indices.size, np.int64)
    for i in range(n):
        for at in range(indptr[i], indptr[i + 1]):
            rows[at] = i
            if indices[at] != i and met[at] == 1:
                queue[size] = at
                size += 1
    count, begin = 0, 0
    while begin < size:
        at = queue[begin]
        begin += 1
        if done[at]:
            continue
        i, j = rows[at], indices[at]
        mirror = turned[at]
        done[at], done[mirror] = True, True
        steps[4 * count], steps[4 * count + 1] = at, mirror
        steps[4 * count + 2], steps[4 * count + 3] = colors[j] * n + i, colors[i] * n + j
        count += 1
        for other in range(indptr[j], indptr[j + 1]):
            if not done[other] and indices[other] != j and colors[indices[other]] == colors[i]:
                unknown[other] -= 1
                if unknown[other] == 1:
                    queue[size] = other
                    size += 1
    return count


@entry
def substitute(steps, compressed, data):
    """Carry out a plan; the compressed matrix is overwritten."""
    for s in range(0, steps.size, 4):
        value = compressed[steps[s + 2]]
        data[steps[s]] = data[steps[s + 1]] = value
        compressed[steps[s + 3]] -= value
