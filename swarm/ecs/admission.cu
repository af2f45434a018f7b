// admission on CUDA: the lowest of 64-bit priorities, found by a histogram and a selection inside one bin of it.
//
//     slot [K] u32, nth [K] i32       read         whom the candidates are keyed by: their parent, its how manieth child
//     priority [K] u64                written, read
//     close [K] u64                   written, read   those in the bin where the room ends: K / 4,096, as they are drawn
//     Admission (16.4 KB)             read|write
//     about 40 bytes a candidate, a Philox draw each (two where a parent has more than sixteen); nothing where all fit
//
// weigh (a lane a candidate) draws and counts the upper twelve bits; near (a lane a candidate) finds the bin in which the
// room ends, every block for itself, and lists who is in it; limit (one block) finds the first priority that is too
// high, eight bits a round. Counting and listing depend on no order: the limit is a number. Whoever is below it is in.
// Priorities are 64 bits of Philox: that two are equal at the limit, so that one fewer is let in, takes 2^32 candidates.
// Source of the selection: Alabi, Blanchard, Gordon and Steinbach, "Fast k-selection algorithms for GPUs", JEA 2012.

#include "admission.cuh"
#include "philox.cuh"
#include "scan.cuh"

// For candidates that are rows of a table: found[0] of them, found[1] rows of the table are dying. Clears all that the
// other kernels count.
KERNEL rows_open(const World* world, Admission* state, const int* found, int table, int cap, int* kept) {
    for (int k = thread(); k < ADMISSION_BINS; k += threads()) state->bins[k] = 0;
    if (thread() > 0) return;
    *kept = state->close = state->want = 0;
    const Count* counted = counts(world) + table;
    const i64 room = (i64)cap - counted->n - counted->births + found[1];
    state->count = found[0];
    state->room = room < 0 ? 0 : room < found[0] ? (int)room : found[0];
}

// rows, nth may be null: candidate k is keyed by slots[rows[k]] or slots[k], and is that entity's nth[k]th or 0th child.
KERNEL weigh(const World* world, Admission* state, const int* rows, const u32* slots, const u32* generation,
             const int* nth, u64* priority) {
    const int count = state->count;
    if (count <= state->room) return;
    for (int k = thread(); k < count; k += threads()) {
        const u32 slot = slots[rows != nullptr ? rows[k] : k], first = nth != nullptr ? 2 * (u32)nth[k] : 0;
        const u32 high = word_at(world, slot, generation[slot], STREAM_PRIORITY, first);
        const u32 low = word_at(world, slot, generation[slot], STREAM_PRIORITY, first + 1);
        priority[k] = (u64)high << 32 | low;
        atomicAdd(state->bins + (high >> 20), 1u);
    }
}

KERNEL near(Admission* state, const u64* priority, u64* close) {
    __shared__ int bin;
    const int count = state->count, room = state->room;
    if (count <= room) return;
    const int each = ADMISSION_BINS / blockDim.x;
    const u32* mine = state->bins + threadIdx.x * each;
    int sum = 0;
    for (int k = 0; k < each; k++) sum += mine[k];
    int before = block_exclusive(sum, nullptr);
    if (before <= room && room < before + sum) {  // true for one thread
        int k = 0;
        while (room >= before + (int)mine[k]) before += mine[k++];
        bin = threadIdx.x * each + k;
        if (blockIdx.x == 0) state->want = room - before;
    }
    __syncthreads();
    for (int k = thread(); k < count; k += threads())
        if ((int)(priority[k] >> 52) == bin) close[atomicAdd(&state->close, 1)] = priority[k];
}

// One block of 256.
KERNEL limit(Admission* state, const u64* close) {
    __shared__ int bins[256];
    __shared__ int chosen, left;
    if (state->count <= state->room) return;
    const int count = state->close;
    u64 prefix = 0, mask = 0;
    int want = state->want;
    for (int shift = 56; shift >= 0; shift -= 8) {
        bins[threadIdx.x] = 0;
        __syncthreads();
        for (int k = threadIdx.x; k < count; k += blockDim.x)
            if ((close[k] & mask) == prefix) atomicAdd(bins + (close[k] >> shift & 255), 1);
        __syncthreads();
        const int here = bins[threadIdx.x], before = block_exclusive(here, nullptr);
        if (before <= want && want < before + here) {
            chosen = threadIdx.x;
            left = want - before;
        }
        __syncthreads();
        prefix |= (u64)chosen << shift;
        mask |= 255ull << shift;
        want = left;
    }
    if (threadIdx.x == 0) state->limit = prefix;
}

// The rows that are let in, in any order; kept[0] counts them. The others are refused.
KERNEL keep(World* world, const Admission* state, const int* rows, const u64* priority, int* let_in, int* kept,
            int table) {
    const int count = state->count, lane = threadIdx.x & 31;
    const bool all = count <= state->room;
    const u64 limit = state->limit;
    if (thread() == 0 && !all) atomicAdd(&counts(world)[table].refused, count - state->room);
    for (int first = blockIdx.x * blockDim.x; first < count; first += threads()) {  // whole blocks, so that warps can vote
        const int k = first + threadIdx.x;
        const u32 votes = __ballot_sync(0xFFFFFFFFu, k < count && (all || priority[k] < limit));
        if (!votes) continue;
        int place = lane == 0 ? atomicAdd(kept, __popc(votes)) : 0;
        place = __shfl_sync(0xFFFFFFFFu, place, 0);
        if (votes >> lane & 1) let_in[place + __popc(votes & ((1u << lane) - 1))] = rows[k];
    }
}
