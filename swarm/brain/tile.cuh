// One layer of one brain by a tile of lanes, sizes known to the compiler: tiles_cpu.py's order of additions, its bits.
//
//     w  [I][O]  from the layer's first weight, row-major; Store          read once, 16 bytes a lane where O allows
//     b  [O]     biases; Store                                            read once
//     x  [I]     inputs, in shared memory; Sum                            read, the same one by neighbouring lanes
//     y  [O]     activated, in shared memory; Sum                         written
//
// A tile is TILE lanes (4, 8, 16 or 32) of one warp. TEAM warps may share a brain: each takes every TEAM-th piece.
//   wide    pieces of up to 64, 32 or 16 columns, as on the CPU. L lanes stand side by side in a row of weights, V
//           columns each; where L is less than the tile, TILE / L rows are read at once and the chains (two; four in
//           the pieces of 16) are dealt to them. Partial sums meet by shuffles: even + odd, (0 + 1) + (2 + 3).
//   packed  layers of 1, 2, 4 or 8 outputs are one run of elements; element e belongs to sum e % 32, which lane
//           (e % 32) / V holds. Even vectors of sixteen + odd ones, then halves, then the bias.
// Lanes that would be idle repeat a neighbour's loads, which cost nothing, and keep their results to themselves.

#ifndef TILE
#define TILE 8
#endif
#ifndef TEAM
#define TEAM 1
#endif

constexpr u32 EVERY = 0xFFFFFFFFu;

INLINE constexpr int least(int a, int b) { return a < b ? a : b; }
INLINE constexpr int most(int a, int b) { return a > b ? a : b; }
INLINE constexpr int power_up(int n) { return n <= 1 ? 1 : 2 * power_up((n + 1) / 2); }

// Elements of one load from rows of `outputs` columns: as many as keep every row aligned.
INLINE constexpr int side(int outputs) {
    int v = VECTOR;
    while (outputs % v) v /= 2;
    return v;
}

INLINE constexpr bool is_packed(int outputs) { return outputs == 1 || outputs == 2 || outputs == 4 || outputs == 8; }

INLINE Sum other(Sum value, int apart) { return __shfl_xor_sync(EVERY, value, apart); }

// Loads stay in front of this: the compiler would put them beside their uses and have fewer under way.
INLINE void all_asked() {
#ifdef __CUDA_ARCH__
    __syncwarp();
#endif
}

// How the lanes of a tile stand over a piece of C columns with K chains, in rows of O columns.
template <int O, int C, int K> struct Stand {
    static constexpr int V = side(O);
    static constexpr int VECTORS = C / V;
    static constexpr int L = least(TILE, power_up(VECTORS));   // lanes side by side
    static constexpr int SLOTS = (VECTORS + L - 1) / L;        // vectors of a lane
    static constexpr int GROUPS = least(K, TILE / L);          // rows at once
    static constexpr int CHAINS = K / GROUPS;                  // of a lane: group, group + GROUPS, ...
    static constexpr int LOADS = V == VECTOR || sizeof(Sum) == 8 ? 8 : 16;  // under way before the first is used
    static constexpr int AHEAD = most(1, LOADS / (CHAINS * SLOTS));
    static_assert(C % V == 0, "a piece is whole vectors");
};

// N steps of K inputs: all loads first.
template <int N, int O, int K, class S>
INLINE void advance(const Store* const (&w)[S::SLOTS], const Sum* x, Sum (&sum)[S::CHAINS][S::SLOTS][S::V]) {
    Raw<S::V> raw[N][S::CHAINS][S::SLOTS];
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
        for (int c = 0; c < S::CHAINS; c++)
#pragma unroll
            for (int s = 0; s < S::SLOTS; s++) raw[n][c][s] = fetch<S::V>(w[s] + (n * K + c * S::GROUPS) * O);
    all_asked();
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
        for (int c = 0; c < S::CHAINS; c++) {
            const Sum input = x[n * K + c * S::GROUPS];
#pragma unroll
            for (int s = 0; s < S::SLOTS; s++) {
                Sum weight[S::V];
                widen<S::V>(raw[n][c][s], weight);
#pragma unroll
                for (int v = 0; v < S::V; v++) sum[c][s][v] = fma_(input, weight[v], sum[c][s][v]);
            }
        }
}

// C columns from w, b and y on.
template <int I, int O, int C, int K, int CODE, bool BIASED>
INLINE void piece(const Store* w, const Store* b, const Sum* x, Sum* y, int lane) {
    typedef Stand<O, C, K> S;
    constexpr int MAIN = I / K * K, STEPS = MAIN / K, REST = STEPS % S::AHEAD;
    const int group = lane / S::L % S::GROUPS;
    int column[S::SLOTS];
    const Store* from[S::SLOTS];
    Sum sum[S::CHAINS][S::SLOTS][S::V];
#pragma unroll
    for (int s = 0; s < S::SLOTS; s++) {
        column[s] = least(lane % S::L + s * S::L, S::VECTORS - 1) * S::V;
        from[s] = w + group * O + column[s];
#pragma unroll
        for (int c = 0; c < S::CHAINS; c++)
#pragma unroll
            for (int v = 0; v < S::V; v++) sum[c][s][v] = 0;
        if (BIASED && group == 0) widen<S::V>(fetch<S::V>(b + column[s]), sum[0][s]);
    }
    const Sum* input = x + group;
    for (int n = 0; n < STEPS / S::AHEAD; n++) {
        advance<S::AHEAD, O, K, S>(from, input, sum);
        input += S::AHEAD * K;
#pragma unroll
        for (int s = 0; s < S::SLOTS; s++) from[s] += S::AHEAD * K * O;
    }
    if constexpr (REST > 0) {
        advance<REST, O, K, S>(from, input, sum);
#pragma unroll
        for (int s = 0; s < S::SLOTS; s++) from[s] += REST * K * O;
    }
    if (MAIN < I && group == 0) {  // the inputs left over are chain 0's
        Raw<S::V> raw[K][S::SLOTS];
#pragma unroll
        for (int i = MAIN; i < I; i++)
#pragma unroll
            for (int s = 0; s < S::SLOTS; s++) raw[i - MAIN][s] = fetch<S::V>(from[s] + (i - MAIN) * O);
#pragma unroll
        for (int i = MAIN; i < I; i++)
#pragma unroll
            for (int s = 0; s < S::SLOTS; s++) {
                Sum weight[S::V];
                widen<S::V>(raw[i - MAIN][s], weight);
#pragma unroll
                for (int v = 0; v < S::V; v++) sum[0][s][v] = fma_(x[i], weight[v], sum[0][s][v]);
            }
    }
    constexpr int SHARES = least(S::GROUPS, S::V), PART = S::V / SHARES;  // groups activate a part each
#pragma unroll
    for (int s = 0; s < S::SLOTS; s++) {
#pragma unroll
        for (int v = 0; v < S::V; v++) {
            Sum z;
            if constexpr (S::GROUPS == K) {
                z = sum[0][s][v] + other(sum[0][s][v], S::L);
                if constexpr (K == 4) z = z + other(z, 2 * S::L);
            } else if constexpr (S::GROUPS == 2) {  // of four chains: 0, 2 and 1, 3
                const Sum low = sum[0][s][v] + other(sum[0][s][v], S::L);
                const Sum high = sum[1][s][v] + other(sum[1][s][v], S::L);
                z = low + high;
            } else if constexpr (K == 4) {
                z = (sum[0][s][v] + sum[1][s][v]) + (sum[2][s][v] + sum[3][s][v]);
            } else {
                z = sum[0][s][v] + sum[1][s][v];
            }
            sum[0][s][v] = z;
        }
        const bool own = lane < S::L * SHARES && lane % S::L + s * S::L < S::VECTORS;
#pragma unroll
        for (int p = 0; p < PART; p++) {
            Sum z = sum[0][s][p];
#pragma unroll
            for (int g = 1; g < SHARES; g++) z = group == g ? sum[0][s][g * PART + p] : z;
            z = activate_(CODE, z);
            if (own) y[column[s] + group * PART + p] = z;
        }
    }
}

template <int I, int O, int CODE, bool BIASED>
INLINE void wide_layer(const Store* w, const Store* b, const Sum* x, Sum* y, int lane, int team) {
    constexpr int WHOLE = O / 64, LEFT = O % 64;
    for (int p = team; p < WHOLE; p += TEAM) {
        piece<I, O, 64, 2, CODE, BIASED>(w + p * 64, b + p * 64, x, y + p * 64, lane);
    }
    if constexpr (LEFT > 48) {
        if (WHOLE % TEAM == team) {
            piece<I, O, LEFT, 2, CODE, BIASED>(w + WHOLE * 64, b + WHOLE * 64, x, y + WHOLE * 64, lane);
        }
    } else {
        constexpr int FIRST = LEFT > 16 ? least(LEFT, 32) : 0, LAST = LEFT - FIRST, AT = WHOLE * 64 + FIRST;
        if constexpr (FIRST > 0) {
            if (WHOLE % TEAM == team) {
                piece<I, O, FIRST, 2, CODE, BIASED>(w + WHOLE * 64, b + WHOLE * 64, x, y + WHOLE * 64, lane);
            }
        }
        if constexpr (LAST > 0) {
            if ((WHOLE + (FIRST > 0)) % TEAM == team) {
                piece<I, O, LAST, 4, CODE, BIASED>(w + AT, b + AT, x, y + AT, lane);
            }
        }
    }
}

// V elements a load; inputs and outputs may be known to the compiler or not. b may be null.
template <int V>
INLINE void packed_layer(int inputs, int outputs, int code, const Store* w, const Store* b, const Sum* x, Sum* y,
                         int lane) {
    constexpr int L = least(TILE, 32 / V), SLOTS = 32 / V / L, AHEAD = most(1, 8 / SLOTS);
    const int size = inputs * outputs, full = size / 32, rest = size % 32, per = 32 / outputs;
    const int q = lane % L;
    Sum sum[SLOTS][V];
#pragma unroll
    for (int s = 0; s < SLOTS; s++)
#pragma unroll
        for (int v = 0; v < V; v++) sum[s][v] = 0;
    for (int step = 0; step < full; step += AHEAD) {
        Raw<V> raw[AHEAD][SLOTS];
#pragma unroll
        for (int n = 0; n < AHEAD; n++)
#pragma unroll
            for (int s = 0; s < SLOTS; s++)
                raw[n][s] = fetch<V>(w + least(step + n, full - 1) * 32 + (q + L * s) * V);
        all_asked();
#pragma unroll
        for (int n = 0; n < AHEAD; n++) {
            if (step + n < full) {
#pragma unroll
                for (int s = 0; s < SLOTS; s++) {
                    Sum weight[V];
                    widen<V>(raw[n][s], weight);
#pragma unroll
                    for (int v = 0; v < V; v++) {
                        const Sum input = x[(step + n) * per + ((q + L * s) * V + v) / outputs];
                        sum[s][v] = fma_(input, weight[v], sum[s][v]);
                    }
                }
            }
        }
    }
#pragma unroll
    for (int s = 0; s < SLOTS; s++) {
        const int e = (q + L * s) * V;
        if (e < rest) {
            Sum weight[V];
            widen<V>(fetch<V>(w + full * 32 + e), weight);  // may read into the gap behind the weights
#pragma unroll
            for (int v = 0; v < V; v++) {
                if (e + v < rest) sum[s][v] = fma_(x[full * per + (e + v) / outputs], weight[v], sum[s][v]);
            }
        }
    }
#pragma unroll
    for (int d = 16; d > 0; d /= 2) {
        if (d >= outputs) {
            if (d >= V * L) {
#pragma unroll
                for (int s = 0; s < SLOTS; s++)
#pragma unroll
                    for (int v = 0; v < V; v++)
                        if (s < d / (V * L)) sum[s][v] = sum[s][v] + sum[least(s + d / (V * L), SLOTS - 1)][v];
            } else if (d >= V) {
#pragma unroll
                for (int s = 0; s < SLOTS; s++)
#pragma unroll
                    for (int v = 0; v < V; v++) sum[s][v] = sum[s][v] + other(sum[s][v], d / V);
            } else {
#pragma unroll
                for (int v = 0; v < V; v++)
                    if (v < d) sum[0][v] = sum[0][v] + sum[0][least(v + d, V - 1)];
            }
        }
    }
#pragma unroll
    for (int s = 0; s < SLOTS; s++)
#pragma unroll
        for (int v = 0; v < V; v++) {
            const int o = (q + L * s) * V + v;
            if (o < outputs && lane < L) y[o] = activate_(code, sum[s][v] + (b ? wide(b[o]) : (Sum)0));
        }
}
