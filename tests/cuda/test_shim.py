"""The shim runs correct kernels as a card would, in whatever order its threads run.

What every kernel must give is known in closed form. The same tests run on a card where there is one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from swarm.backend import source
from tests.conftest import need
from tests.cuda.snippets import kernels
from tests.shim import nvrtc
from tests.shim.device import whole

ORDERS = ("ascending", "descending", 3)


@pytest.fixture(params=ORDERS, ids=str)
def device(request: pytest.FixtureRequest, cuda_device: Any) -> Any:
    """The device, its threads in one of several orders; a card has its own."""
    if hasattr(cuda_device, "order"):
        cuda_device.order = request.param
    elif request.param != ORDERS[0]:
        pytest.skip("a card chooses the order itself")
    return cuda_device


REDUCE = """
KERNEL total(const int* a, int* sums, int n) {
    __shared__ int part[256];
    int mine = 0;
    for (int i = thread(); i < n; i += threads()) mine += a[i];
    part[threadIdx.x] = mine;
    __syncthreads();
    for (int step = 128; step > 0; step >>= 1) {
        if (threadIdx.x < step) part[threadIdx.x] += part[threadIdx.x + step];
        __syncthreads();
    }
    if (threadIdx.x == 0) sums[blockIdx.x] = part[0];
}
KERNEL scan(const int* a, int* out) {  // inclusive, one block of 256
    __shared__ int part[2][256];
    int i = threadIdx.x, from = 0;
    part[0][i] = a[i];
    __syncthreads();
    for (int step = 1; step < 256; step <<= 1, from ^= 1) {
        part[from ^ 1][i] = part[from][i] + (i >= step ? part[from][i - step] : 0);
        __syncthreads();
    }
    out[i] = part[from][i];
}
"""


def test_a_reduction_over_blocks(device):
    run = kernels(device, REDUCE)
    a, sums = device.xp.arange(1000, dtype=np.int32), device.xp.empty(3, np.int32)
    run["total"](1000, a, sums, np.int32(1000), blocks=3)
    # block b takes the rows i with (i // 256) % 3 == b
    rows = np.arange(1000)
    assert device.read(sums).tolist() == [int(rows[rows // 256 % 3 == b].sum()) for b in range(3)]


def test_a_scan(device):
    out = device.xp.empty(256, np.int32)
    kernels(device, REDUCE)["scan"](256, device.xp.arange(256, dtype=np.int32), out)
    i = np.arange(256)
    assert (device.read(out) == i * (i + 1) // 2).all()


SHUFFLES = """
#define ALL 0xFFFFFFFFu
KERNEL shuffles(int* out) {
    int lane = threadIdx.x & 31, value = 1000 * (threadIdx.x >> 5) + lane;
    int* at = out + threadIdx.x * 8;
    at[0] = __shfl_sync(ALL, value, (lane + 1) & 31);
    at[1] = __shfl_up_sync(ALL, value, 3);
    at[2] = __shfl_down_sync(ALL, value, 3);
    at[3] = __shfl_xor_sync(ALL, value, 5);
    at[4] = __shfl_sync(ALL, value, 2, 8);
    at[5] = __shfl_up_sync(ALL, value, 1, 4);
    at[6] = __shfl_down_sync(ALL, value, 1, 4);
    at[7] = __shfl_xor_sync(ALL, value, 1, 4);
}
KERNEL kinds(double* d, u64* u, float* f) {
    d[threadIdx.x] = __shfl_xor_sync(ALL, threadIdx.x + 0.5, 1);
    u[threadIdx.x] = __shfl_down_sync(ALL, (u64)threadIdx.x << 40, 1);
    f[threadIdx.x] = __shfl_sync(ALL, 0.25f * threadIdx.x, 31);
}
KERNEL votes(u32* ballots, int* anys, int* alls) {
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    ballots[threadIdx.x] = __ballot_sync(ALL, lane % 3 == warp);
    anys[threadIdx.x] = __any_sync(ALL, threadIdx.x == 40);
    alls[threadIdx.x] = __all_sync(ALL, warp == 1);
}
KERNEL tiles(int* out) {  // each group of 8 lanes sums on its own; the second half of them twice
    u32 mask = 0xFFu << (threadIdx.x & 24);
    int value = threadIdx.x;
    for (int round = 0; round < 1 + (threadIdx.x >> 4 & 1); round++)
        for (int step = 4; step > 0; step >>= 1) value += __shfl_xor_sync(mask, value, step, 8);
    out[threadIdx.x] = value;
}
KERNEL block_votes(int* out) {
    int odd = threadIdx.x & 1;
    out[3 * threadIdx.x] = __syncthreads_count(odd);
    out[3 * threadIdx.x + 1] = __syncthreads_or(threadIdx.x == 77);
    out[3 * threadIdx.x + 2] = __syncthreads_and(odd);
}
"""


def test_shuffles_move_what_they_should(device):
    out = device.xp.empty((64, 8), np.int32)
    kernels(device, SHUFFLES)["shuffles"](64, out, block=64)
    thread = np.arange(64)
    lane, value = thread % 32, 1000 * (thread // 32) + thread % 32
    of = value - lane  # the value of lane 0
    expected = [
        of + (lane + 1) % 32,
        np.where(lane < 3, value, value - 3),
        np.where(lane > 28, value, value + 3),
        of + (lane ^ 5),
        of + lane // 8 * 8 + 2,
        np.where(lane % 4 == 0, value, value - 1),
        np.where(lane % 4 == 3, value, value + 1),
        of + (lane ^ 1),
    ]
    assert (device.read(out) == np.stack(expected, axis=1)).all()


def test_shuffles_of_eight_bytes_and_floats(device):
    d, u, f = (device.xp.empty(32, dtype) for dtype in (np.float64, np.uint64, np.float32))
    kernels(device, SHUFFLES)["kinds"](32, d, u, f, block=32)
    lane = np.arange(32)
    assert (device.read(d) == (lane ^ 1) + 0.5).all()
    assert (device.read(u) == np.minimum(lane + 1, 31).astype(np.uint64) << np.uint64(40)).all()
    assert (device.read(f) == 31 / 4).all()


def test_votes(device):
    ballots = device.xp.empty(64, np.uint32)
    anys, alls = (device.xp.empty(64, np.int32) for _ in range(2))
    kernels(device, SHUFFLES)["votes"](64, ballots, anys, alls, block=64)
    lanes = [sum(1 << lane for lane in range(32) if lane % 3 == warp) for warp in (0, 1)]
    assert (device.read(ballots) == np.repeat(np.array(lanes, np.uint32), 32)).all()
    assert (device.read(anys) == np.repeat([0, 1], 32)).all()
    assert (device.read(alls) == np.repeat([0, 1], 32)).all()


def test_parts_of_a_warp_go_their_own_way(device):
    out = device.xp.empty(32, np.int32)
    kernels(device, SHUFFLES)["tiles"](32, out, block=32)
    sums = np.arange(32).reshape(4, 8).sum(axis=1)
    assert (device.read(out) == np.repeat(sums * [1, 1, 8, 8], 8)).all()


def test_block_votes(device):
    out = device.xp.empty((128, 3), np.int32)
    kernels(device, SHUFFLES)["block_votes"](128, out, block=128)
    assert (device.read(out) == [64, 1, 0]).all()


ATOMICS = """
KERNEL histogram(const u32* keys, u32* counts_, int n) {
    for (int i = thread(); i < n; i += threads()) atomicAdd(&counts_[keys[i] % 7u], 1u);
}
KERNEL extremes(const int* a, int* least, u64* most, int n) {
    for (int i = thread(); i < n; i += threads()) {
        atomicMin(least, a[i]);
        atomicMax(most, (u64)a[i] << 20);
    }
}
KERNEL once(int* winners, int* lock, int* sum, u32* bits) {
    if (atomicCAS(lock, 0, 1) == 0) atomicAdd(winners, 1);
    atomicAdd(sum, thread());
    atomicOr(bits, 1u << (thread() & 31));
    atomicExch(&sum[1], 5);
}
"""


def test_atomics(device):
    xp, run = device.xp, kernels(device, ATOMICS)
    keys, found = xp.arange(1000, dtype=np.uint32), xp.zeros(7, np.uint32)
    run["histogram"](1000, keys, found, np.int32(1000))
    assert (device.read(found) == np.bincount(np.arange(1000) % 7)).all()
    least, most = xp.full(1, 10**6, np.int32), xp.zeros(1, np.uint64)
    run["extremes"](900, xp.arange(5, 905, dtype=np.int32), least, most, np.int32(900))
    assert device.read(least) == 5 and device.read(most) == 904 << 20
    winners, lock, sums, bits = (
        xp.zeros(n, t) for n, t in ((1, np.int32), (1, np.int32), (2, np.int32), (1, np.uint32))
    )
    run["once"](300, winners, lock, sums, bits, block=100)
    assert device.read(winners) == 1
    assert device.read(sums).tolist() == [299 * 150, 5] and device.read(bits) == 0xFFFFFFFF


ARITHMETIC = """
KERNEL vectors(const float4* a, float4* b, uint2* c, int n) {
    for (int i = thread(); i < n; i += threads()) {
        float4 v = a[i];
        b[i] = make_float4(v.w, v.z, v.y, v.x);
        c[i] = make_uint2(__float_as_uint(v.x), (u32)i);
    }
}
KERNEL bits(u32* out) {
    u32 x = 0x80F00001u;
    int k = 0;
    out[k++] = __umulhi(x, 0x10000u);
    out[k++] = __popc(x);
    out[k++] = __ffs(x);
    out[k++] = __clz(0x00F00000);
    out[k++] = __clz(0);
    out[k++] = __brev(x);
    out[k++] = __byte_perm(0x33221100u, 0x77665544u, 0x7130u);
    out[k++] = __funnelshift_l(0x80000000u, 1u, 1);
    out[k++] = __float_as_uint(__fmaf_rn(1.0f + 0x1p-23f, 1.0f - 0x1p-23f, -1.0f));  // -2^-46, lost by two roundings
    out[k++] = __float_as_uint((1.0f + 0x1p-23f) * (1.0f - 0x1p-23f) - 1.0f);        // so 0: never contracted
    out[k++] = __float_as_uint(0x1p-126f * 0.5f);  // a denormal is kept
    out[k++] = __float_as_uint(rintf(2.5f));
    out[k++] = __float_as_uint(fminf(__uint_as_float(0x7FC00000u), 3.0f));
    out[k++] = (u32)__float2int_rn(1e20f);
    out[k++] = (u32)__float2int_rz(__uint_as_float(0x7FC00000u));
    out[k++] = (u32)__float2int_rd(-1.5f);
    out[k++] = __float_as_uint(sqrtf(2.0f));
    out[k++] = __float_as_uint(1.0f / 3.0f);
}
KERNEL numbers(u8* out, bool b, u8 u, int i, u64 l, float f, double d) {
    *(double*)out = d + f + i + (double)l + u + b;
}
"""


def test_vectors(device):
    xp = device.xp
    a, b, c = xp.arange(40, dtype=np.float32), xp.empty(40, np.float32), xp.empty((10, 2), np.uint32)
    kernels(device, ARITHMETIC)["vectors"](10, a, b, c, np.int32(10))
    assert (device.read(b).reshape(10, 4) == np.arange(40).reshape(10, 4)[:, ::-1]).all()
    assert (device.read(c)[:, 0].view(np.float32) == 4 * np.arange(10)).all()


def test_arithmetic_is_ieee_and_integers_are_cudas(device):
    out = device.xp.empty(18, np.uint32)
    kernels(device, ARITHMETIC)["bits"](1, out, block=1)
    f = [np.float32(x).view(np.uint32) for x in (-(2.0**-46), 0.0, 2.0**-127, 2.0, 3.0, np.sqrt(np.float32(2)), 1 / 3)]
    expected = [
        0x80F0, 6, 1, 8, 32, 0x80000F01, 0x77110033 & 0, 3, f[0], f[1], f[2], f[3], f[4],
        0x7FFFFFFF, 0, 0xFFFFFFFE, f[5], f[6],
    ]  # fmt: skip
    expected[6] = 0x77113300  # bytes 7, 1, 3, 0 from the top
    assert [hex(word) for word in device.read(out).tolist()] == [hex(int(word)) for word in expected]


def test_numbers_by_value(device):
    out = device.xp.empty(8, np.uint8)
    run = kernels(device, ARITHMETIC)["numbers"]
    values = np.bool_(True), np.uint8(200), np.int32(-7), np.uint64(1 << 40), np.float32(0.5), np.float64(0.125)
    run(1, out, *values, block=1)
    assert device.read(out).view(np.float64)[0] == 1 + 200 - 7 + 2.0**40 + 0.5 + 0.125


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize(
    "text", [REDUCE, SHUFFLES, ATOMICS, ARITHMETIC], ids=["reduce", "shuffles", "atomics", "arithmetic"]
)
def test_the_same_texts_compile_for_a_card(text, architecture):
    need(nvrtc.library_path(), "nvidia-cuda-nvrtc is in the extra `test`, for Linux")
    result = nvrtc.compile(whole(text), (*source.OPTIONS, f"--gpu-architecture={architecture}", *nvrtc.STRICT))
    assert result.cubin and not result.messages, result.log


def test_a_captured_graph_runs_again_with_the_same_pointers(device):
    xp, run = device.xp, kernels(device, ATOMICS)
    keys, found, kept = xp.arange(70, dtype=np.uint32), xp.zeros(7, np.uint32), xp.zeros(7, np.uint32)
    with device.stream, device.capture() as graph:
        device.fill(found, 0)
        run["histogram"](70, keys, found, np.int32(70))
        device.copy(kept, found)
    assert not device.read(found).any()  # recorded, not run
    with device.stream:
        graph.launch()
        assert (device.read(kept) == 10).all()
        device.write(keys, np.zeros(70, np.uint32))
        graph.launch()
    assert device.read(kept).tolist() == [70, 0, 0, 0, 0, 0, 0]
