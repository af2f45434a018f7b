// What the kernels of an admission, and those who ask for one, share.

#define ADMISSION_BINS 4096

struct Admission {  // admission_cuda.py knows its size; all zero at first
    int count;  // candidates
    int room;   // how many of them fit
    int close;  // candidates in the bin where the room ends
    int want;   // how many of those fit
    u64 limit;  // admitted: priority below it; means nothing where all fit
    u32 bins[ADMISSION_BINS];
};

// Let in: `priority` is read only where not all fit.
INLINE bool admitted(const Admission* state, const u64* priority, int k) {
    return state->count <= state->room || priority[k] < state->limit;
}
