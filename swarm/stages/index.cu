// index on CUDA: a counting sort whose result does not depend on the order in which lanes arrive.
//
//     pos     [capacity][2] float32 m  read twice (count, scatter)      flag, slots [capacity] bool, u32 read
//     arrival [entries]    int32       written, read: the how manieth of its cell an entry was
//     counts  [C+1]        int32       zeroed, counted by atomics in no order, read
//     from    [C+1]        int32       written, read: where a cell's records begin
//     record  [entries]    uint4       written to anywhere, 16 bytes in one store; read in order, a cell's by all in it
//     start   [C+1] int32, entry [entries] int32, x, y [entries] float32 m      written, nearly in order
//     about 100 bytes an entity, 20 bytes a cell
//
// clear, then count (a lane an entity), tally and starts (a lane four cells: a scan of the counts in two launches),
// scatter in the order of arrival (a lane an entity), window (a block a crowded cell), place (a lane a record): a
// member's place in its cell is how many there have a lower slot, which depends on no order; the lanes of a warp are in
// a few cells and read the same slots. So the result is ordered by (cell, id) like the CPU's, to the integer. A crowded
// cell keeps a window of `cap` members by rank, as `index.thin` does; the slots at its ends are found digit by digit.
// How many cells there are follows from how many live, so the first kernel computes that, as `grid.fit` does; a
// captured index therefore stays right when the world grows.
// Source of the method: Green, "Particle simulation using CUDA", NVIDIA 2010, with the ranks added.

#include "near.cuh"
#include "philox.cuh"
#include "scan.cuh"
#include "site.cuh"

#define TILE 1024     // cells of a block in `tally` and `starts`: four a thread

struct Sort {  // what index works with; SORT_BYTES in grid_cuda.py
    Grid grid;
    int* counts;     // [C + 1]; where a cell is crowded: its number in `windows`
    int* from;       // [C + 1]
    int* arrival;    // [entries]; -1: no member
    uint4* record;   // [entries]: slot, entry, x, y
    u64* sums;       // [tiles]: members << 32 | members kept
    int* crowded;    // [..] cells over the cap, in no order
    uint2* windows;  // [..]: the slots of the first and the last member kept; the first is the higher one if it wraps
    const int* tables;  // how many tables this grid has, then their numbers
    int wide, high;     // most cells along x and y that the radius allows
    int crowds;         // numbers in `crowded`
    int cells;          // C
    int living;         // rows of the tables
};

// The cells for `members` entities; see `grid.fit`. Exact in double, the same on the host.
INLINE void fit(Sort* sort, i64 members) {
    i64 bound = 1024;
    while (bound < members) bound *= 2;
    i64 columns = sort->wide, rows = sort->high;
    if (columns * rows > bound) {
        const double shrink = sqrt((double)(columns * rows) / (double)bound);
        columns = (i64)((double)columns / shrink);
        rows = (i64)((double)rows / shrink);
        columns = columns < 1 ? 1 : columns;
        rows = rows < 1 ? 1 : rows;
        const i64 most_columns = bound / rows < 1 ? 1 : bound / rows;
        const i64 most_rows = bound / columns < 1 ? 1 : bound / columns;
        columns = columns < most_columns ? columns : most_columns;
        rows = rows < most_rows ? rows : most_rows;
    }
    Grid* grid = &sort->grid;
    grid->columns = (int)columns;
    grid->rows = (int)rows;
    grid->per_x = (float)((double)columns / (double)grid->width);
    grid->per_y = (float)((double)rows / (double)grid->height);
    sort->cells = (int)(columns * rows);
}

INLINE int cell_at(const Grid& g, float x, float y) {  // cell 0 for a place outside: its tick is at fault and ends here
    return inside(g, x, y) ? cell_of(y, g.per_y, g.rows) * g.columns + cell_of(x, g.per_x, g.columns) : 0;
}

// Note where the arrays of a grid are; launched when they changed. size: width and height; most: `wide` and `high`.
KERNEL bind(Sort* sort, int* start, int* entry, float* x, float* y, const int* tables, u64 size, u64 most) {
    Grid* grid = &sort->grid;
    grid->start = start, grid->entry = entry, grid->x = x, grid->y = y;
    grid->width = first_of(size), grid->height = second_of(size);
    sort->tables = tables;
    sort->wide = (int)(u32)most, sort->high = (int)(u32)(most >> 32);
}

KERNEL bind_work(Sort* sort, int* counts, int* from, int* arrival, uint4* record, u64* sums, int* crowded,
                 uint2* windows) {
    sort->counts = counts, sort->from = from, sort->arrival = arrival, sort->record = record, sort->sums = sums;
    sort->crowded = crowded, sort->windows = windows;
}

// Zero the counts of `room` cells; one thread fits the grid to those that live.
KERNEL clear(const World* world, Sort* sort, int room) {
    if (thread() == 0) {
        i64 members = 0;
        for (int k = 1; k <= sort->tables[0]; k++) members += counts(world)[sort->tables[k]].n;
        fit(sort, members);
        sort->living = (int)members;
        sort->grid.most = 0;
        sort->crowds = 0;
    }
    for (int c = thread(); c < room; c += threads()) sort->counts[c] = 0;
}

// Count who is in which cell. flag may be null: all are members.
KERNEL count(World* world, u32 site, Sort* sort, int base, const float* pos, const u8* flag) {
    const int n = living(world, site);
    const Grid g = sort->grid;
    int *counted = sort->counts, *arrival = sort->arrival + base;
    for (int row = thread(); row < n; row += threads()) {
        if (flag != nullptr && !flag[row]) {
            arrival[row] = -1;
            continue;
        }
        const float2 at = at_row(pos, row);
        if (!inside(g, at.x, at.y)) accuse(world, site, row);
        arrival[row] = atomicAdd(counted + cell_at(g, at.x, at.y), 1);
    }
}

// Four counts as members << 32 | members kept, added up.
INLINE u64 both(int count, int cap) { return (u64)(u32)count << 32 | (u32)(count < cap ? count : cap); }

INLINE int4 four(const Sort* sort, int c) { return *(const int4*)(sort->counts + c); }  // cells past the last are empty

INLINE int larger(int a, int b) { return a > b ? a : b; }

INLINE void crowd(Sort* sort, int c, int count, int cap) {
    if (count > cap) sort->crowded[atomicAdd(&sort->crowds, 1)] = c;
}

// The sums of every tile, the fullest cell, and who is crowded; blocks of TILE / 4.
KERNEL tally(Sort* sort, int cap) {
    const int cells = sort->cells;
    for (int tile = blockIdx.x; tile * TILE <= cells; tile += gridDim.x) {
        const int c = tile * TILE + threadIdx.x * 4;
        const int4 n = four(sort, c);
        int most = larger(larger(n.x, n.y), larger(n.z, n.w));
        if (most > cap) {
            crowd(sort, c, n.x, cap);
            crowd(sort, c + 1, n.y, cap);
            crowd(sort, c + 2, n.z, cap);
            crowd(sort, c + 3, n.w, cap);
        }
        for (int apart = 16; apart > 0; apart >>= 1) most = larger(most, __shfl_xor_sync(0xFFFFFFFFu, most, apart));
        if ((threadIdx.x & 31) == 0) atomicMax(&sort->grid.most, most);
        const u64 sum = block_sum(both(n.x, cap) + both(n.y, cap) + both(n.z, cap) + both(n.w, cap));
        if (threadIdx.x == 0) sort->sums[tile] = sum;
    }
}

// Where every cell begins, among all records and among the members that are kept; blocks of TILE / 4.
KERNEL starts(Sort* sort, int cap) {
    const int cells = sort->cells;
    Grid* grid = &sort->grid;
    for (int tile = blockIdx.x; tile * TILE <= cells; tile += gridDim.x) {
        const u64 before = sum_before(sort->sums, tile);
        const int c = tile * TILE + threadIdx.x * 4;
        const int4 n = four(sort, c);
        const u64 x = both(n.x, cap), y = both(n.y, cap), z = both(n.z, cap);
        const u64 a = before + block_exclusive(x + y + z + both(n.w, cap), nullptr);
        const u64 b = a + x, d = b + y, e = d + z;
        *(int4*)(sort->from + c) = make_int4((int)(a >> 32), (int)(b >> 32), (int)(d >> 32), (int)(e >> 32));
        *(int4*)(grid->start + c) = make_int4((int)a, (int)b, (int)d, (int)e);
        if (c <= cells && cells < c + 4) {  // behind the last cell stand the totals
            const u64 total = cells == c ? a : cells == c + 1 ? b : cells == c + 2 ? d : e;
            const int all = (int)(total >> 32), kept = (int)total;
            grid->members = kept;
            grid->overflow = all - kept;
            grid->most = grid->most < cap ? grid->most : cap;
            grid->complete = kept == sort->living;
        }
    }
}

// Records of the members from one table, by cell, in the order of arrival.
KERNEL scatter(const World* world, u32 site, Sort* sort, int base, const float* pos, const u32* slots) {
    const int n = living(world, site);
    const Grid g = sort->grid;
    const int *arrival = sort->arrival + base, *from = sort->from;
    for (int row = thread(); row < n; row += threads()) {
        const int rank = arrival[row];
        if (rank < 0) continue;
        const float2 at = at_row(pos, row);
        const int place = from[cell_at(g, at.x, at.y)] + rank;
        sort->record[place] = make_uint4(slots[row], base + row, __float_as_uint(at.x), __float_as_uint(at.y));
    }
}

// The slot that `rank` of the records low..high have a lower one than: digit by digit, the highest first.
INLINE u32 slot_of_rank(const uint4* record, int low, int high, int rank) {
    __shared__ int histogram[256];
    __shared__ int found[2];  // the digit, and the rank among those that have it
    u32 known = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        for (int k = threadIdx.x; k < 256; k += blockDim.x) histogram[k] = 0;
        __syncthreads();
        for (int p = low + threadIdx.x; p < high; p += blockDim.x) {
            const u32 slot = record[p].x;
            if ((u64)(slot ^ known) >> shift >> 8 == 0) atomicAdd(histogram + (slot >> shift & 255), 1);
        }
        __syncthreads();
        const int mine = histogram[threadIdx.x];  // blocks of 256
        const int before = block_exclusive(mine, nullptr);
        if (before <= rank && rank < before + mine) found[0] = threadIdx.x, found[1] = rank - before;
        __syncthreads();
        known |= (u32)found[0] << shift;
        rank = found[1];
        __syncthreads();
    }
    return known;
}

// The window of every crowded cell; blocks of 256.
KERNEL window(const World* world, Sort* sort, int cap) {
    for (int k = blockIdx.x; k < sort->crowds; k += gridDim.x) {
        const int c = sort->crowded[k], low = sort->from[c], high = sort->from[c + 1], many = high - low;
        const int begin = (int)(word_at(world, c, 0, STREAM_CROWDING, 0) % (u32)many);
        const u32 first = slot_of_rank(sort->record, low, high, begin);
        const u32 last = slot_of_rank(sort->record, low, high, (int)(((u32)begin + cap - 1) % (u32)many));
        if (threadIdx.x == 0) {
            sort->windows[k] = make_uint2(first, last);
            sort->counts[c] = k;
        }
    }
}

INLINE bool within(uint2 window, u32 slot) {
    return window.x <= window.y ? window.x <= slot && slot <= window.y : slot >= window.x || slot <= window.y;
}

// Every member to its place: after those of its cell that have a lower slot and are kept.
KERNEL place(Sort* sort, int cap) {
    const Grid g = sort->grid;
    const uint4* record = sort->record;
    const u32* slots = (const u32*)record;  // every fourth word
    const int all = sort->from[sort->cells];
    for (int p = thread(); p < all; p += threads()) {
        const uint4 mine = record[p];
        const float x = __uint_as_float(mine.z), y = __uint_as_float(mine.w);
        const int c = cell_at(g, x, y), low = sort->from[c], high = sort->from[c + 1];
        int place = g.start[c];
        if (high - low <= cap) {
            for (int q = low; q < high; q++) place += __ldg(slots + 4 * (i64)q) < mine.x;
        } else {
            const uint2 window = sort->windows[sort->counts[c]];
            if (!within(window, mine.x)) continue;
            for (int q = low; q < high; q++) {
                const u32 slot = __ldg(slots + 4 * (i64)q);
                place += slot < mine.x && within(window, slot);
            }
        }
        g.entry[place] = (int)mine.y;
        g.x[place] = x;
        g.y[place] = y;
    }
}
