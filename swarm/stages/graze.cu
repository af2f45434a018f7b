// graze on CUDA: claims and contests by integer atomics, so that threads may come in any order.
//
//     begin   contest [T] 16 bytes written
//     gather  several tables of food only: slots [T] uint32, available [T] u8 by entry written
//     claim   pos [N][2] float32 m read in the grid's order; the cells the reach touches, two on average: x, y, entry
//             read; slots, available read only for food within reach; claims [N] int2 written; contest.near lowered
//     settle  claims, contest.near read; word lowered by the nearest claimants, crowd counted by all
//     take    contest read, shares written; gain [T] float32, ripe, dying [T] bool of the eaten written
//     give    claims, contest read; into [N] float32 J of claimants written
//     N claimants, T food; some 40 bytes a claimant and 40 a plant; memory-bound, the cells come from the L2 cache
//
// A contest is (distance, priority, slot), a total order. Distances are settled first: of floats that are not negative
// the order is that of their bits. Then the nearest draw their priority, and the lowest of priority << 32 | slot wins.
// Single operations as on the CPU: equal winners, equal levels.
//
// Macros: AVAILABLE, what says that food can be eaten: RIPE a flag, HELD a float above 0, ALIVE no flag; EQUAL, whether
// all claimants share; POS_STEP as in near.cuh.

#include "near.cuh"
#include "philox.cuh"
#include "site.cuh"
#include "tally.cuh"

#define RIPE 0
#define HELD 1
#define ALIVE 2
#ifndef AVAILABLE
#define AVAILABLE RIPE
#define EQUAL 0
#endif

const u32 NOBODY = 0xFFFFFFFFu;

struct Contest {  // 16 bytes, all ones while nobody claims
    u64 word;     // of the winner so far: priority << 32 | slot
    u32 near;     // the least square of distances, as bits; behind `take` the share of each claimant, float J
    u32 crowd;    // claimants - 1; behind `take` what the winner gets besides, float J
};

struct Pasture {  // what `claim` has no arguments left for
    const Grid* grid;
    const Grid* own;         // the claimants' own grid, or null
    const u32* slots;        // by entry of the food
    const void* available;   // likewise
    int base;                // of the claimants in their own grid
    int first;               // of the claimants in the food's grid, if that is their own column, too; else -1
};

INLINE bool available(const void* array, int entry) {
    if (AVAILABLE == HELD) return ((const float*)array)[entry] > 0.0f;
    return (((const u8*)array)[entry] != 0) == (AVAILABLE == RIPE);
}

// Nobody has claimed anything; and what `claim` is to know.
KERNEL begin(Contest* contest, int targets, Pasture* pasture, const Grid* grid, const Grid* own, const u32* slots,
             const void* held, u64 bases) {
    for (int t = thread(); t < targets; t += threads()) contest[t] = {~0ull, NOBODY, NOBODY};
    if (thread() == 0) *pasture = {grid, own, slots, held, (int)(u32)bases, (int)(u32)(bases >> 32)};
}

// One table's food in arrays over all tables, from its first entry on.
KERNEL gather(World* world, u32 site, const u32* slots, const void* held, u32* all_slots, u8* all_available) {
    const int n = living(world, site);
    for (int i = thread(); i < n; i += threads()) {
        all_slots[i] = slots[i];
        all_available[i] = available(held, i);
    }
}

// Call visit(begin, end) for the runs of cells left..right, low..high, each once. Bounds may be one cell outside.
template <class Visit> INLINE void each_reached(const Grid& g, int left, int right, int low, int high, Visit visit) {
    if (right - left + 1 >= g.columns) left = 0, right = g.columns - 1;
    if (high - low + 1 >= g.rows) low = 0, high = g.rows - 1;
    const int pieces = left < 0 || right >= g.columns ? 2 : 1;
    for (int step = low; step <= high; step++) {
        const int line = (step < 0 ? step + g.rows : step >= g.rows ? step - g.rows : step) * g.columns;
        for (int piece = 0; piece < pieces; piece++) {
            const int from = piece == 0 ? (left < 0 ? 0 : left) : left < 0 ? g.columns - 1 : 0;
            const int to = piece == 0 ? (right < g.columns ? right + 1 : g.columns) : from + 1;
            visit(__ldg(g.start + line + from), __ldg(g.start + line + to));
        }
    }
}

// The cells along one axis that a reach touches, never further than the neighbours.
INLINE int2 touched(float x, float wide, float per, int cells) {
    const int cell = cell_of(x, per, cells);
    const int low = (int)floorf((x - wide) * per), high = (int)floorf((x + wide) * per);
    return make_int2(low > cell - 1 ? low : cell - 1, high < cell + 1 ? high : cell + 1);
}

// Phase 1: every claimant names the nearest food that is available; of equally near ones the lowest slot.
KERNEL claim(World* world, u32 site, const Pasture* pasture, const float* pos, int2* claims, Contest* contest,
             float reach) {
    const Pasture here = *pasture;
    const Grid g = *here.grid;
    const int n = living(world, site), count = visits(here.own, n);
    const float limit = reach * reach, wide = reach + (g.width > g.height ? g.width : g.height) * 0x1p-20f;
    for (int v = thread(); v < count; v += threads()) {
        const int i = visited(here.own, here.base, n, v);
        if (i < 0) continue;
        const float2 p = at_row(pos, i);
        int best = -1;
        float nearest = limit;
        if (inside(g, p.x, p.y)) {
            const int2 across = touched(p.x, wide, g.per_x, g.columns), down = touched(p.y, wide, g.per_y, g.rows);
            each_reached(g, across.x, across.y, down.x, down.y, [&](int q, int end) {
                for (; q < end; q++) {
                    const float dx = shortest(__ldg(g.x + q) - p.x, g.width);
                    const float dy = shortest(__ldg(g.y + q) - p.y, g.height);
                    const float square = dx * dx + dy * dy;
                    if (!(square < limit && square <= nearest)) continue;
                    const int entry = __ldg(g.entry + q);
                    if (!available(here.available, entry) || (here.first >= 0 && entry == here.first + i)) continue;
                    if (square < nearest || here.slots[entry] < here.slots[best]) best = entry, nearest = square;
                }
            });
        } else {
            accuse(world, site, i);
        }
        claims[i] = make_int2(best, __float_as_int(nearest));
        if (best >= 0) atomicMin(&contest[best].near, __float_as_uint(nearest));
    }
}

// Phase 2: of the nearest claimants the lowest priority wins, of equal ones the lowest slot.
KERNEL settle(World* world, u32 site, const u32* slots, const u32* generations, const int2* claims, Contest* contest) {
    const int n = living(world, site);
    for (int i = thread(); i < n; i += threads()) {
        const int2 mine = claims[i];
        if (mine.x < 0) continue;
        Contest* here = contest + mine.x;
        if (EQUAL) atomicAdd(&here->crowd, 1u);
        if (here->near != (u32)mine.y) continue;
        const u32 priority = word_at(world, slots[i], generations[i], STREAM_PRIORITY, 0);
        atomicMin(&here->word, (u64)priority << 32 | slots[i]);
    }
}

// Empty what was claimed and say what each claimant gets. gain, ripe, dying and eaten may be null.
KERNEL take(World* world, u32 site, Contest* contest, float* gain, u8* ripe, u8* dying, i64* eaten, float amount) {
    const int n = living(world, site);
    i64 sum = 0;
    for (int t = thread(); t < n; t += threads()) {
        if (contest[t].near == NOBODY) continue;
        float held = gain ? gain[t] : amount, share = 0.0f;
        sum += quanta(held);
        if (gain) gain[t] = 0.0f;
        if (ripe) ripe[t] = 0;
        if (dying) dying[t] = 1;
        if (EQUAL) {
            const float crowd = (float)(contest[t].crowd + 1);
            share = floorf(held / crowd / 0x1p-12f) * 0x1p-12f;
            held -= crowd * share;
        }
        contest[t].near = __float_as_uint(share);
        contest[t].crowd = __float_as_uint(held);
    }
    if (eaten) tally(eaten, sum);
}

// Claimants get their shares, the winner what is left over, too.
KERNEL give(World* world, u32 site, const u32* slots, const int2* claims, const Contest* contest, float* into) {
    const int n = living(world, site);
    for (int i = thread(); i < n; i += threads()) {
        const int target = claims[i].x;
        if (target < 0) continue;
        const Contest here = contest[target];
        const bool won = (u32)here.word == slots[i];
        if (!EQUAL && !won) continue;
        float level = into[i];
        if (EQUAL) level += __uint_as_float(here.near);
        if (won) level += __uint_as_float(here.crowd);
        into[i] = level;
    }
}
