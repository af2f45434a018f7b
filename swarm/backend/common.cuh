// What every kernel file starts with; pasted in front of it as text, so that CuPy's cache sees all of the source.
//
// A world keeps one ledger on the device: a World, then one Count per table. Kernels read how many rows live, the tick
// and the seed there, so that a captured launch stays right when they change. Rows are walked with a grid-stride loop:
//
//     for (int i = thread(); i < n; i += threads()) ...
//
// Floating-point products and sums are never contracted (--fmad=false); a fused multiply-add is written fma_().

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define KERNEL extern "C" __global__ void
#define INLINE static __device__ __forceinline__

struct World {  // 32 bytes; swarm/backend/ledger.py has the same fields
    u32 tick, key0, key1;
    u32 used;   // one more than the highest slot ever given out
    u64 fault;  // the first fault of this tick: system << 48 | table << 32 | row; all ones = none
    u32 go;     // whether the barrier fits into the memory there is and nothing is at fault
    u32 spare;  // free slots
};

struct Count {  // 32 bytes, one per table
    int n;        // rows that live
    int births;   // children asked for so far in this tick
    int refused;  // children that this tick's systems refused so far
    int turned;   // of the tick behind: children refused by systems and barrier
    int after;    // by the barrier: rows that live behind it
    int deaths;   // rows that were dying
    int children; // children that were let in
    int _;
};

INLINE Count* counts(World* world) { return (Count*)(world + 1); }
INLINE const Count* counts(const World* world) { return (const Count*)(world + 1); }

INLINE int thread() { return blockIdx.x * blockDim.x + threadIdx.x; }
INLINE int threads() { return gridDim.x * blockDim.x; }

// Report that `row` of table number `table` made system number `system` fail; the lowest of all reports is kept.
INLINE void fault(World* world, int system, int table, int row) {
    atomicMin(&world->fault, (u64)system << 48 | (u64)table << 32 | (u64)(u32)row);
}

INLINE float fma_(float a, float b, float c) { return __fmaf_rn(a, b, c); }
INLINE double fma_(double a, double b, double c) { return __fma_rn(a, b, c); }
INLINE bool finite(float x) { return (__float_as_uint(x) & 0x7F800000u) != 0x7F800000u; }
INLINE float infinity() { return __uint_as_float(0x7F800000u); }
