// The barrier on CUDA: births and deaths by running sums, integers equal to those of barrier.py. A table has a Book
// (barrier.cuh) of lists and columns; each launch works on one book, `decide` and `close` on all.
//
//     asked for: rows [K] int32, values        read        lists of K children, some 80 bytes each   read|write
//     slots: counted, free [slots]             written once, read twice; only where there are births
//     dying [N] bool                           read three times, cleared; only where there are deaths
//     columns, brains                          a child's or mover's row read and written once; defaults written
//     registry                                 written anywhere: 25 bytes a birth, 13 a death, 4 a mover
//
// Bytes (`barrier_cuda.cost`): 2 rows and 175 a birth (gather 24, sort 36, rank 16, heirs 17, enroll 81), 30 a death, 2
// rows a mover, 8 a column for each of them; 14 a slot, 3 a row. A cap adds 40 a birth, and admission.cu's.
//
// Planning changes nothing that lasts: open (a thread a table) clears the counts and numbers what was asked for, gather
// (a lane a child and one for eight rows) counts children per slot and the dying; slots and starts (a lane eight slots)
// scan that and the free ones; sort and rank (a lane a child) make the list
// by (parent slot, place asked for), a place among siblings being how many come before, which for a parent of k children
// reads k numbers k times; open, the kernels of admission.cu, admitted and admit let in what a cap allows. decide then
// says whether all tables fit; if not, nobody does anything more and the host makes room and starts again.
//
// Doing: heirs, row_sums and rows find who takes which row (barrier.py says why so), enroll writes ids, copy all columns
// and exact copies of brains, override what was given with the birth, close the counters and the tick. Mutated brains
// are copied by brain/vary.cu in between: those of heirs last and in place. Reads and writes of lists are coalesced;
// rows, slots and parents are read where they are, in slot or row order, so nearly in order.
// Atomics are on integers whose order does not matter; no result depends on the order of threads.

#include "barrier.cuh"

// ---------------------------------------------------------------------- planning

// A thread a book: nothing is counted yet; where each request begins among all that its table was asked for.
KERNEL open(const World* world, const Book* books, int many, Totals* totals) {
    if (thread() == 0) *totals = {};
    for (int k = thread(); k < many; k += threads()) {
        const Book* b = books + k;
        int start = 0;
        *b->state = {};
        for (int r = 0; r < b->requested; r++) {
            Request* request = b->requests + r;
            request->start = start;
            start += asked_of(request);
        }
        b->state->asked = start;
    }
}

KERNEL gather(World* world, const Book* b) {
    const int n = counts(world)[b->index].n, asked = b->state->asked;
    for (int i = thread(); i < asked; i += threads()) {
        const Request* request = request_of(b, i);
        const int row = request->rows[i - request->start];
        int arrival = -1;
        if (row < 0 || row >= n) {
            fault(world, 0xFFFF, b->index, row);
        } else {
            const u32 slot = b->slots[row];
            b->key[i] = slot;
            arrival = atomicAdd(b->counted + slot, 1);
        }
        b->arrival[i] = arrival;
    }
    if (!b->dies) return;
    int dying = 0;
    for (int first = EACH * thread(); first < n; first += EACH * threads()) dying += set_of(eight(b->dying, first, n));
    dying = block_sum(dying);
    if (threadIdx.x == 0 && dying) atomicAdd(&b->state->deaths, dying);
}

INLINE u64 children_and_free(const Book* b, int first, int* here, u64* open) {
    const int slots = b->registered;
    u32 children = 0;
    for (int k = 0; k < EACH; k++) {
        here[k] = first + k < slots ? b->counted[first + k] : 0;
        children += here[k];
    }
    *open = b->finds ? eight(b->free, first, slots) : 0;
    return (u64)set_of(*open) << 32 | children;
}

KERNEL slots(const World* world, const Book* b) {
    int here[EACH];
    u64 open;
    for (int tile = blockIdx.x; tile < tiles_of(b->registered, TILE); tile += gridDim.x) {
        const u64 sum = block_sum(children_and_free(b, tile * TILE + EACH * threadIdx.x, here, &open));
        if (threadIdx.x == 0) b->slot_sums[tile] = sum;
    }
}

KERNEL starts(const World* world, const Book* b) {
    int here[EACH];
    u64 open, total;
    const int tiles = tiles_of(b->registered, TILE);
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int first = tile * TILE + EACH * threadIdx.x;
        const u64 before = sum_before(b->slot_sums, tile), mine = children_and_free(b, first, here, &open);
        const u64 place = before + block_exclusive(mine, &total);
        int start = (int)(u32)place, found = (int)(place >> 32);
        for (int k = 0; k < EACH; k++) {
            if (here[k]) b->start[first + k] = start;
            start += here[k];
            if (!(open >> (8 * k) & 1)) continue;
            if (found < b->needed) b->free_list[found] = first + k;
            found++;
        }
        if (tile == tiles - 1 && threadIdx.x == 0) {
            b->state->births = (int)(u32)(before + total);
            if (b->finds) b->totals->spare = (int)((before + total) >> 32);
        }
    }
}

INLINE void place(const Book* b, int i, int at, int nth) {
    const Request* request = request_of(b, i);
    b->asked[at] = i;
    b->parent[at] = request->rows[i - request->start];
    b->parent_slot[at] = b->key[i];
    b->nth[at] = nth;
}

KERNEL sort(const World* world, const Book* b) {
    const int asked = b->state->asked;
    for (int i = thread(); i < asked; i += threads()) {
        const int arrival = b->arrival[i];
        if (arrival < 0) continue;
        const u32 slot = b->key[i];
        const int at = b->start[slot] + arrival;
        if (b->counted[slot] == 1) place(b, i, at, 0); else b->group[at] = i;
    }
}

// Siblings, in the order in which they were asked for.
KERNEL rank(const World* world, const Book* b) {
    const int asked = b->state->asked;
    for (int i = thread(); i < asked; i += threads()) {
        if (b->arrival[i] < 0) continue;
        const u32 slot = b->key[i];
        const int start = b->start[slot], siblings = b->counted[slot];
        if (siblings == 1) continue;
        int nth = 0;
        for (int k = 0; k < siblings; k++) nth += b->group[start + k] < i;
        place(b, i, start + nth, nth);
    }
    if (thread() == 0 && b->admission != nullptr) {
        const i64 room = (i64)b->cap - counts(world)[b->index].n + b->state->deaths;
        b->admission->count = b->state->births;
        b->admission->room = room < 0 ? 0 : room < b->state->births ? (int)room : b->state->births;
    }
}

KERNEL admitted_sums(const World* world, const Book* b) {
    const int births = b->state->births;
    for (int crowd = blockIdx.x; crowd * CROWD < births; crowd += gridDim.x) {
        int sum = 0;
        for (int k = threadIdx.x; k < CROWD; k += blockDim.x) {
            const int c = crowd * CROWD + k;
            sum += c < births && admitted(b->admission, b->priority, c);
        }
        sum = block_sum(sum);
        if (threadIdx.x == 0) b->sums[crowd] = sum;
    }
}

KERNEL admit(const World* world, const Book* b) {
    const int births = b->state->births;
    for (int crowd = blockIdx.x; crowd * CROWD < births; crowd += gridDim.x) {
        int before = sum_before(b->sums, crowd), total;
        for (int k = threadIdx.x; k < CROWD; k += blockDim.x) {
            const int c = crowd * CROWD + k;
            const bool in = c < births && admitted(b->admission, b->priority, c);
            const int at = before + block_exclusive((int)in, &total);
            before += total;
            if (!in) continue;
            b->let_asked[at] = b->asked[c];
            b->let_parent[at] = b->parent[c];
            b->let_slot[at] = b->parent_slot[c];
        }
        if (threadIdx.x == 0 && (crowd + 1) * CROWD >= births) b->state->children = before;
    }
}

// One thread: whether everything fits.
KERNEL decide(World* world, const Book* books, int many, Totals* totals) {
    if (thread() > 0) return;
    bool fits = world->fault == ~0ull;
    int first = 0;
    for (int k = 0; k < many; k++) {
        const Book* b = books + k;
        Count* counted = counts(world) + b->index;
        State* state = b->state;
        if (b->admission == nullptr) state->children = state->births;
        state->after = counted->n + state->children - state->deaths;
        state->first = first;
        first += state->children;
        counted->after = state->after;
        counted->children = state->children;
        counted->deaths = state->deaths;
        fits = fits && state->after <= b->capacity;
    }
    totals->children = first;
    world->go = fits && (first == 0 || first <= totals->spare);
}

// ---------------------------------------------------------------------- doing

// Of a dying parent's children the last one takes its row, if that row stays.
KERNEL heirs(const World* world, const Book* b) {
    if (!goes(world)) return;
    const int children = b->state->children, after = b->state->after;
    for (int crowd = blockIdx.x; crowd * CROWD < children; crowd += gridDim.x) {
        int plain = 0;
        for (int k = threadIdx.x; k < CROWD; k += blockDim.x) {
            const int c = crowd * CROWD + k;
            if (c >= children) break;
            const int row = b->let_parent[c];
            const bool last = c + 1 == children || b->let_slot[c + 1] != b->let_slot[c];
            const bool heir = last && row < after && b->dying[row];
            if (heir) b->dying[row] = 2;
            b->child[c] = heir ? row : -1;
            plain += !heir;
        }
        plain = block_sum(plain);
        if (threadIdx.x == 0) b->sums[crowd] = plain;
    }
}

struct Eight {  // flags of eight rows, a byte each
    u64 dead, holes, movers;
};

INLINE Eight look(const Book* b, int first, int n, int after) {
    const u64 ones = 0x0101010101010101ull, found = eight(b->dying, first, n);
    const u64 dead = (found | found >> 1) & ones, stay = bytes_below(after - first);
    return {dead, found & ones & stay, ~dead & ones & bytes_below(n - first) & ~stay};
}

INLINE u64 sum_of(const Eight& flags) { return (u64)set_of(flags.holes) << 32 | (u64)set_of(flags.movers); }

KERNEL row_sums(const World* world, const Book* b) {
    if (!goes(world)) return;
    const int n = counts(world)[b->index].n, after = b->state->after;
    for (int tile = blockIdx.x; tile < tiles_of(n, TILE); tile += gridDim.x) {
        const u64 sum = block_sum(sum_of(look(b, tile * TILE + EACH * threadIdx.x, n, after)));
        if (threadIdx.x == 0) b->row_sums[tile] = sum;
    }
}

// The dead are no longer dying and their slots fall free.
INLINE int release(const World* world, const Book* b, int first, int n, u64 dead) {
    int released = 0;
    for (int k = 0; k < EACH; k++) {
        if (!(dead >> (8 * k) & 1)) continue;
        const u32 slot = b->slots[first + k];
        const bool again = b->generation[slot] != 0xFFFFFFFFu;
        b->dying[first + k] = 0;
        b->table[slot] = -1;
        b->died[slot] = world->tick;
        b->free[slot] = again;
        released += again;
    }
    return released;
}

KERNEL rows(const World* world, const Book* b) {
    if (!goes(world)) return;
    const int n = counts(world)[b->index].n, after = b->state->after, tiles = tiles_of(n, TILE);
    int released = 0;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int first = tile * TILE + EACH * threadIdx.x;
        const Eight flags = look(b, first, n, after);
        u64 total;
        const u64 before = sum_before(b->row_sums, tile), at = before + block_exclusive(sum_of(flags), &total);
        int place = (int)(at >> 32) + (int)(u32)at;  // holes lie before movers, and so do their rows
        for (int k = 0; k < EACH; k++)
            if ((flags.holes | flags.movers) >> (8 * k) & 1) b->list[place++] = first + k;
        released += release(world, b, first, n, flags.dead);
        if (tile == tiles - 1 && threadIdx.x == 0) {
            b->state->holes = (int)((before + total) >> 32);
            b->state->movers = (int)(u32)(before + total);
        }
    }
    released = block_sum(released);
    if (threadIdx.x == 0 && released) atomicAdd(&b->totals->released, released);
}

// The child's row: the next free one, holes first.
INLINE int free_row(const Book* b, int n, int j) {
    const int holes = b->state->holes;
    return j < holes ? b->list[j] : n + (j - holes);
}

INLINE void enter(const World* world, const Book* b, int c, int row, u32 slot) {
    const u32 parent = b->let_slot[c], generation = b->generation[slot] + 1;
    b->child[c] = row;
    b->slots[row] = slot;
    b->generations[row] = generation;
    b->parents[row] = (u64)parent << 32 | b->generation[parent];
    b->born[row] = world->tick;
    b->generation[slot] = generation;
    b->free[slot] = 0;
    b->table[slot] = b->index;
    b->row[slot] = row;
}

KERNEL enroll(const World* world, const Book* b) {
    if (!goes(world)) return;
    const int children = b->state->children, n = counts(world)[b->index].n;
    const int plain = sum_before(b->sums, tiles_of(children, CROWD));
    if (thread() == 0) {
        b->state->plain = plain;
        b->state->heirs = children - plain;
    }
    for (int crowd = blockIdx.x; crowd * CROWD < children; crowd += gridDim.x) {
        int before = sum_before(b->sums, crowd), total;
        for (int k = threadIdx.x; k < CROWD; k += blockDim.x) {
            const int c = crowd * CROWD + k;
            const bool here = c < children, heir = here && b->child[c] >= 0;
            const int j = before + block_exclusive((int)(here && !heir), &total);
            before += total;
            if (!here) continue;
            const int row = heir ? b->child[c] : free_row(b, n, j);
            const u32 slot = b->free_list[b->state->first + c];
            enter(world, b, c, row, slot);
            if (heir) {
                b->heir_row[c - j] = row;
                b->heir_slot[c - j] = slot;
            } else {
                b->plain_parent[j] = b->let_parent[c];
                b->plain_child[j] = row;
                b->plain_slot[j] = slot;
            }
        }
    }
    const int* movers = b->list + b->state->holes;
    for (int m = thread(); m < b->state->movers; m += threads()) {
        const int row = free_row(b, n, plain + m);
        b->moved[m] = row;
        b->row[b->slots[movers[m]]] = row;
    }
}

template <class T> INLINE void copy_rows(u8* rows, const int* source, const int* target, int n, int units, int lane) {
    T* at = (T*)rows;
    for (Walk k = walk(units, lane, threads()); k.item < n; next(k))
        at[(size_t)target[k.item] * units + k.unit] = at[(size_t)source[k.item] * units + k.unit];
}

template <class T> INLINE void copy_field(const Book* b, const Field* field, int lane) {
    const State* state = b->state;
    const int units = field->units;
    if (field->inherits) copy_rows<T>(field->rows, b->plain_parent, b->plain_child, state->plain, units, lane);
    copy_rows<T>(field->rows, b->list + state->holes, b->moved, state->movers, units, lane);
    if (field->fresh == nullptr) return;
    for (Walk k = walk(units, lane, threads()); k.item < state->children; next(k))
        ((T*)field->rows)[(size_t)b->child[k.item] * units + k.unit] = ((const T*)field->fresh)[k.unit];
}

// No row is read and written, so the order of all these copies does not matter. Each column begins at blocks of its own,
// so that few children do not wait for one column after the other.
KERNEL copy(const World* world, const Book* b) {
    if (!goes(world)) return;
    const int fielded = b->fielded, apart = tiles_of(gridDim.x, fielded) * blockDim.x;
    for (int f = 0, lane = thread(); f < fielded; f++) {
        const Field* field = b->fields + f;
        if (field->unit == 16) copy_field<uint4>(b, field, lane);
        else if (field->unit == 8) copy_field<u64>(b, field, lane);
        else if (field->unit == 4) copy_field<u32>(b, field, lane);
        else if (field->unit == 2) copy_field<u16>(b, field, lane);
        else copy_field<u8>(b, field, lane);
        lane += lane < apart ? threads() - apart : -apart;
    }
}

KERNEL override(const World* world, const Book* b) {
    if (!goes(world)) return;
    for (int v = 0; v < b->valued; v++) {
        const Value value = b->values[v];
        const Request* request = b->requests + value.request;
        for (Walk k = walk(value.units, thread(), threads()); k.item < b->state->children; next(k)) {
            const int at = b->let_asked[k.item] - request->start;
            if (at < 0 || at >= asked_of(request)) continue;
            const u8* from = value.source + (size_t)at * value.step + (size_t)k.unit * value.unit;
            u8* to = value.target + (size_t)b->child[k.item] * value.stride + (size_t)k.unit * value.unit;
            if (value.unit == 4) *(u32*)to = *(const u32*)from; else *to = *from;
        }
    }
}

// One thread. tables: all of the world.
KERNEL close(World* world, const Book* books, int many, const Totals* totals, int tables) {
    if (thread() > 0 || !goes(world)) return;
    for (int k = 0; k < tables; k++) {
        Count* counted = counts(world) + k;
        counted->turned = counted->refused;
        counted->refused = counted->births = 0;
    }
    for (int k = 0; k < many; k++) {
        const State* state = books[k].state;
        Count* counted = counts(world) + books[k].index;
        counted->n = state->after;
        counted->turned += state->births - state->children;
    }
    if (totals->children) {
        const u32 top = books[0].free_list[totals->children - 1] + 1;
        if (top > world->used) world->used = top;
    }
    world->spare += totals->released - totals->children;
    world->tick++;
}

// Whoever queues births says so, for those who count what is still to come under a cap.
KERNEL ask(World* world, int table, const int* count, int most) {
    if (thread() == 0) atomicAdd(&counts(world)[table].births, count != nullptr ? *count : most);
}
