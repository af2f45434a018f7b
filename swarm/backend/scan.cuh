// Running sums: over the threads of a block, and over a whole array in two launches. For whole numbers, whose sums do not
// depend on the order. Every thread of the block must call these functions together; blocks are whole warps, up to 1,024
// threads. Calls may follow each other at once.
//
// An array longer than a block is cut into tiles; each tile is worked on by one block, as often as there are tiles:
//
//     first launch:     for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
//                           T sum = block_sum(what this thread finds in its part of the tile);
//                           if (threadIdx.x == 0) sums[tile] = sum;
//                       }
//     second launch:    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
//                           T place = sum_before(sums, tile) + block_exclusive(the same, &total);
//                           ...                                       // place: the sum of everything before this thread
//                       }
//
// The second launch adds up the earlier tiles' sums itself: tiles^2 / 2 numbers, read from the cache. With flags for T
// this is compaction: whoever has its flag set writes itself to `place`. Nothing waits for another block.

template <class T> struct Same { using type = T; };  // an argument that does not decide what T is

// The sum of what the lanes up to and with this one bring.
template <class T> INLINE T warp_inclusive(T mine) {
    const int lane = threadIdx.x & 31;
    for (int step = 1; step < 32; step *= 2) {
        const T below = __shfl_up_sync(0xFFFFFFFFu, mine, step);
        if (lane >= step) mine += below;
    }
    return mine;
}

// The sum of what all threads of the block bring, for each of them.
template <class T> INLINE T block_sum(T mine) {
    __shared__ T parts[32];
    for (int step = 16; step > 0; step /= 2) mine += __shfl_xor_sync(0xFFFFFFFFu, mine, step);
    __syncthreads();  // whoever still reads the parts of the call before
    if ((threadIdx.x & 31) == 0) parts[threadIdx.x >> 5] = mine;
    __syncthreads();
    T sum = 0;
    for (u32 warp = 0; warp < blockDim.x / 32; warp++) sum += parts[warp];
    return sum;
}

// The sum of what the threads before this one bring; `total`, if not null, gets the sum over all.
template <class T> INLINE T block_exclusive(T mine, typename Same<T>::type* total) {
    __shared__ T parts[32];
    const T through = warp_inclusive(mine);
    __syncthreads();  // whoever still reads the parts of the call before
    if ((threadIdx.x & 31) == 31) parts[threadIdx.x >> 5] = through;
    __syncthreads();
    T before = 0, sum = 0;
    for (u32 warp = 0; warp < blockDim.x / 32; warp++) {
        if (warp == threadIdx.x >> 5) before = sum;
        sum += parts[warp];
    }
    if (total != nullptr) *total = sum;
    return before + through - mine;
}

template <class T> INLINE T block_inclusive(T mine) { return block_exclusive(mine, nullptr) + mine; }

// The sum of sums[0 .. tile), for each thread.
template <class T> INLINE T sum_before(const T* sums, int tile) {
    T mine = 0;
    for (int k = threadIdx.x; k < tile; k += blockDim.x) mine += sums[k];
    return block_sum(mine);
}

// The bytes first .. first + 7 of `flags`, 0 from byte n on. `first` is a multiple of 8, `flags` starts at one.
INLINE u64 eight(const u8* flags, int first, int n) {
    if (n - first >= 8) return *(const u64*)(flags + first);
    u64 found = 0;
    for (int k = 0; k < n - first; k++) found |= (u64)flags[first + k] << (8 * k);
    return found;
}

// How many of eight bytes are odd.
INLINE int set_of(u64 eight) { return (int)((eight & 0x0101010101010101ull) * 0x0101010101010101ull >> 56); }
