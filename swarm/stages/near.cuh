// Candidates around a place on the torus, by the grid that `index` made: for senses, grazing and flocking.
//
//     Grid g = *grid;                                            // one copy in registers
//     each_run(g, cell_of(x, g.per_x, g.columns), cell_of(y, g.per_y, g.rows), [&](int p, int end) {
//         for (; p < end; p++) { ... __ldg(g.x + p) ... }        // three by three cells, each once, in this order
//     });
//
// Cells side by side are one run of the packed arrays, so nine cells are three runs, or six where they reach over the
// world's edge. The order is that of the CPU's kernels. Nothing is read for a place outside of the world: ask `inside`.

struct Grid {  // 72 bytes, GRID in grid_cuda.py; written by index.cu, read by everybody else
    int* start;   // [columns * rows + 1]: where each cell's members begin
    int* entry;   // [members], sorted by (cell, id): base of the table + row
    float* x;     // [members] m, in that order
    float* y;     // [members] m
    float width, height;  // the world, m
    float per_x, per_y;   // cells per metre
    int columns, rows;    // cells along x and y
    int members;
    int most;      // members of the fullest cell
    int overflow;  // left out because their cell was over the cap
    int complete;  // whether every entity of the position column is a member
};

INLINE bool inside(const Grid& g, float x, float y) {  // NaN is not
    return x >= 0.0f && x < g.width && y >= 0.0f && y < g.height;
}

// The cell of a coordinate inside the world, along one axis.
INLINE int cell_of(float x, float per, int cells) {
    const int cell = (int)(x * per);
    return cell < cells ? cell : cells - 1;
}

// The difference of two coordinates in [0, side), along the shortest way round.
INLINE float shortest(float d, float side) {
    const float half = side * 0.5f;
    return d > half ? d - side : d < -half ? d + side : d;
}

// Whether the cells around this one reach over an edge or all the way round, so that `shortest` is needed.
INLINE bool at_seam(const Grid& g, int column, int row) {
    return column < 1 || column + 1 >= g.columns || row < 1 || row + 1 >= g.rows || g.columns < 4 || g.rows < 4;
}

// Call visit(begin, end) for every run of the cells around (column, row), each cell once.
template <class Visit> INLINE void each_run(const Grid& g, int column, int row, Visit visit) {
    const bool wide = g.columns > 3, high = g.rows > 3;
    const int left = wide ? column - 1 : 0, right = wide ? column + 1 : g.columns - 1;
    const int first = high ? row - 1 : 0, last = high ? row + 1 : g.rows - 1;
    const int pieces = left < 0 || right >= g.columns ? 2 : 1;
    for (int step = first; step <= last; step++) {
        const int line = (step < 0 ? step + g.rows : step >= g.rows ? step - g.rows : step) * g.columns;
        for (int piece = 0; piece < pieces; piece++) {
            const int from = piece == 0 ? (left < 0 ? 0 : left) : left < 0 ? g.columns - 1 : 0;
            const int to = piece == 0 ? (right < g.columns ? right + 1 : g.columns) : from + 1;
            visit(__ldg(g.start + line + from), __ldg(g.start + line + to));
        }
    }
}

// The two numbers of a row: of a column that stands alone (STEP 2), or of a part of rows of STEP floats, in which case
// `column` is where row 0 has its own.
template <int STEP> INLINE float2 pair_of(const float* column, int row) {
    if (STEP == 2) return ((const float2*)column)[row];
    return make_float2(column[(i64)row * STEP], column[(i64)row * STEP + 1]);
}

#ifndef POS_STEP
#define POS_STEP 2
#endif
INLINE float2 at_row(const float* pos, int row) { return pair_of<POS_STEP>(pos, row); }

// How many places a table of `n` rows is visited in, and the row that is visited at place v, or -1. With a complete
// grid of its own the rows follow in the grid's order, so that neighbouring lanes are neighbours in space and read the
// same candidates; entries of other tables are skipped. `own` may be null; row 0 has entry `base` in it.
INLINE bool in_order(const Grid* own) { return own != nullptr && own->complete; }

INLINE int visits(const Grid* own, int n) { return in_order(own) ? own->members : n; }

INLINE int visited(const Grid* own, int base, int n, int v) {
    if (!in_order(own)) return v;
    const int row = __ldg(own->entry + v) - base;
    return row >= 0 && row < n ? row : -1;
}
