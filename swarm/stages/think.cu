// What think does on CUDA besides the brains themselves: outputs checked, memory carried over, in one pass. Brains of
// agents' own that have no memory need none of it: forward.cu and forward_any.cu look at their outputs.
//
//     outputs [N][A + M] float32 read        inputs [N][S + M] float32, M columns written
//     4 (A + M) + 4 M bytes per agent; memory-bound
//
// A thread takes one number; neighbouring lanes read neighbouring floats. The lowest row that has a number which is not
// finite is a fault.

#include "site.cuh"

KERNEL remember(World* world, u32 site, const float* outputs, int width, int actions, float* inputs, int wide,
                int senses) {
    const i64 many = (i64)living(world, site) * width;
    for (i64 e = thread(); e < many; e += threads()) {
        const float value = outputs[e];
        const int row = many >> 31 ? (int)(e / width) : (int)e / width, column = (int)(e - (i64)row * width);
        if (!finite(value)) accuse(world, site, row);
        if (column >= actions) inputs[(i64)row * wide + senses + column - actions] = value;
    }
}
