// What kernels that write whole brains share: the layout as they see it, and who works on which parameters.
//
// Sixteen lanes work on SPAN parameters of one brain: lane l takes draw l of sixteen and with it the values l, l + 16,
// l + 32, l + 48 (for 16-bit rows also l + 64 ... l + 112, since one draw's halves round eight parameters), so that
// sixteen lanes touch sixteen neighbours: 64 bytes of float32. A lane first asks for its parameters and draws meanwhile.
//
// Plan (init_cuda.py, vary_cuda.py fill it), 32-bit words:
//     Plan, then Part [parts]     runs of parameters without a gap between them
//     then Block [blocks]         one weight or bias each

#include "philox.cuh"
#include "row.cuh"
#include "walk.cuh"

constexpr int SPAN = sizeof(Store) == 2 ? 128 : 64;  // parameters that sixteen lanes take at a time
constexpr int MINE = SPAN / 16;                      // of them a lane's own

struct Plan {
    int count;   // parameters of a brain
    int stride;  // elements from row to row
    int spans;   // SPANs of a brain
    int parts, blocks;
    float rate;
    Sum sigma;
};
struct Part {
    int first;  // parameter
    int shift;  // element - parameter
};
struct Block {
    int first, start, outputs;
    int unit;  // the layer's first
};

INLINE const Part* parts_of(const Plan* plan) { return (const Part*)(plan + 1); }
INLINE const Block* blocks_of(const Plan* plan) { return (const Block*)(parts_of(plan) + plan->parts); }

// The elements of a lane's parameters p, p + 16, ... of which the first is below the count.
INLINE void elements(const Plan* plan, int p, int* at) {
    const Part* parts = parts_of(plan);
#pragma unroll
    for (int j = 0; j < MINE; j++) at[j] = p + 16 * j;
    for (int k = 1; k < plan->parts; k++) {
        const Part part = parts[k];
#pragma unroll
        for (int j = 0; j < MINE; j++)
            if (p + 16 * j >= part.first) at[j] = p + 16 * j + part.shift;
    }
}

INLINE Block block_of(const Plan* plan, int p, int* number) {
    const Block* blocks = blocks_of(plan);
    int b = 0;
    while (b + 1 < plan->blocks && p >= blocks[b + 1].first) b++;
    *number = b;
    return blocks[b];
}

// Walks over the rows of births: an item is a birth, a unit one of its spans, which sixteen lanes share.
INLINE Walk walk(const Plan* plan) { return walk(plan->spans, thread() / 16, threads() / 16); }
