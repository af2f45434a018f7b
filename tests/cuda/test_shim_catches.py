"""Planted errors: the shim must catch each of them, say which kernel and where, and go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from swarm.errors import BackendError
from tests.shim.device import HostDevice, KernelError, assert_no_race
from tests.shim.memory import MEMORY

i32, f32 = np.int32, np.float32

MEMORY_ERRORS = """
KERNEL write_past(float* a, int n) {
    int i = thread();
    if (i <= n) a[i] = 1;
}
KERNEL read_past(const float* a, float* b, int n) {
    for (int i = thread(); i < n; i += threads()) b[i] = a[i + 1];
}
KERNEL write_before(float* a, int n) {
    int i = thread() - 1;
    if (i < n) a[i] = 1;
}
KERNEL read_before(const float* a, float* b, int n) {
    for (int i = thread(); i < n; i += threads()) b[i] = a[i - 1];
}
KERNEL stray(float* a) { a[-(1ll << 40)] = 1; }
KERNEL null(float* a) { if (threadIdx.x == 5) a[0] = 1; }
KERNEL misaligned(const float* a, float4* b) { b[0] = *(const float4*)(a + 1 + threadIdx.x); }
KERNEL nothing(float* a) {}
"""


def kernels(device: HostDevice, text: str) -> dict[str, Any]:
    return device.kernels(text)


def fails(match: str) -> Any:
    return pytest.raises(KernelError, match=match)


@pytest.mark.parametrize("size", [1000, 1001, 1002, 1003])  # the last one leaves slack before the unreadable page
def test_writing_one_past_the_end(hosted, size):
    run, a = kernels(hosted, MEMORY_ERRORS), hosted.xp.zeros(size, f32)
    with fails(rf"write_past: .*past the end of an array \[{size}\] of float32"):
        run["write_past"](size + 1, a, i32(size))
    run["nothing"](1, a)  # the canaries are whole again


def test_the_place_of_an_illegal_address_is_named(hosted):
    run, a = kernels(hosted, MEMORY_ERRORS), hosted.xp.zeros(512, f32)
    with fails(r"write_past: block 2, thread 0: illegal address 0x\w+, 0 bytes past the end .*test\.cu:4"):
        run["write_past"](513, a, i32(512))


def test_reading_one_past_the_end(hosted):
    run, a, b = kernels(hosted, MEMORY_ERRORS), hosted.xp.zeros(64, f32), hosted.xp.zeros(64, f32)
    with fails(r"read_past: block 0, thread 63: illegal address .* 0 bytes past the end of an array \[64\]"):
        run["read_past"](64, a, b, i32(64))


def test_writing_one_before_the_start(hosted):
    run, a = kernels(hosted, MEMORY_ERRORS), hosted.xp.zeros(64, f32)
    with fails(r"write_before: wrote before the start of an array \[64\] of float32"):
        run["write_before"](65, a, i32(64))


@pytest.mark.parametrize("name", ["read_before", "write_before"])
def test_one_before_the_start_is_unreadable_when_arrays_begin_at_a_page(hosted, name, monkeypatch):
    monkeypatch.setattr(MEMORY, "front", True)
    run, a, b = kernels(hosted, MEMORY_ERRORS), hosted.xp.zeros(64, f32), hosted.xp.zeros(64, f32)
    with fails(rf"{name}: block 0, thread 0: illegal address .* 4 bytes before the start of an array \[64\]"):
        run[name](64, a, *((b,) if name == "read_before" else ()), i32(64))


def test_far_away_null_and_freed_memory(hosted):
    run, a = kernels(hosted, MEMORY_ERRORS), hosted.xp.zeros(64, f32)
    with hosted.capture() as graph:
        run["null"](32, a, block=32)
    graph.launch()
    del a
    with fails("null: block 0, thread 5: illegal address .* freed"):
        graph.launch()
    a = hosted.xp.zeros(64, f32)
    with fails("stray: block 0, thread 0: illegal address"):
        run["stray"](1, a, block=1)
    with fails(r"null: block 0, thread 5: test\.cu:\d+: a null pointer"):
        run["null"](32, None, block=32)


def test_a_misaligned_vector(hosted):
    run, a, b = kernels(hosted, MEMORY_ERRORS), hosted.xp.zeros(64, f32), hosted.xp.zeros(4, f32)
    with fails(r"misaligned: block 0, thread 0: test\.cu:\d+: misaligned address \w+ of '.*float4.*', which needs 16"):
        run["misaligned"](1, a, b, block=1)


SHARED_ERRORS = """
KERNEL off_by_one(int* out) {
    __shared__ int part[64];
    part[threadIdx.x + 1] = threadIdx.x;
    __syncthreads();
    out[threadIdx.x] = part[threadIdx.x];
}
KERNEL never_written(float* out) {
    __shared__ float part[64];
    if (threadIdx.x != 3) part[threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = part[threadIdx.x];
}
KERNEL local(float* out, int n) {
    float mine[4];
    for (int i = 0; i < n; i++) mine[i] = i;
    out[threadIdx.x] = mine[threadIdx.x & 3];
}
KERNEL flags(const bool* a, int* out) { if (a[threadIdx.x]) out[threadIdx.x] = 1; }
KERNEL reverse(const int* a, int* out) {  // without the barrier it needs
    __shared__ int part[64];
    part[threadIdx.x] = a[threadIdx.x];
    out[threadIdx.x] = part[63 - threadIdx.x];
}
KERNEL twice(int* a, int n) {  // all threads of all blocks read and write the same word
    if (thread() < n) a[0] = (a[0] * 3 + thread()) % 1000;
}
KERNEL next_block(int* a) {  // block k reads what block k + 1 writes
    if (threadIdx.x == 0) a[blockIdx.x] = blockIdx.x == gridDim.x - 1 ? 1 : a[blockIdx.x + 1] + 1;
}
KERNEL arrival(int* places, int* next) { places[atomicAdd(next, 1)] = thread(); }
"""


def test_a_shared_array_off_by_one(hosted):
    with fails(r"off_by_one: block 0, thread 63: test\.cu:4: index 64 is outside of the array, of type 'int \[64\]'"):
        kernels(hosted, SHARED_ERRORS)["off_by_one"](64, hosted.xp.zeros(64, i32), block=64)


def test_a_local_array_off_by_one(hosted):
    with fails(r"local: block 0, thread 0: test\.cu:\d+: index 4 is outside of the array, of type 'float \[4\]'"):
        kernels(hosted, SHARED_ERRORS)["local"](32, hosted.xp.zeros(32, f32), i32(5), block=32)


def test_uninitialised_memory_shows(hosted):
    run, xp = kernels(hosted, SHARED_ERRORS), hosted.xp
    out = xp.zeros(64, f32)
    run["never_written"](64, out, block=64)
    assert np.isnan(hosted.read(out)).nonzero()[0].tolist() == [3]  # shared memory is NaN before it is written
    run["local"](32, out, i32(3), block=32)
    assert (hosted.read(out)[3:32:4] < -1e38).all()  # so are local variables, nearly
    assert (hosted.read(xp.empty(5, np.uint8)) == 0xCB).all()
    with fails(r"flags: block 0, thread 0: test\.cu:\d+: a bool that is neither 0 nor 1 is read: uninitialised memory"):
        run["flags"](4, xp.empty(4, bool), xp.zeros(4, i32), block=4)


@pytest.mark.parametrize("name", ["reverse", "twice", "next_block"])
def test_races_are_found_by_the_order_of_threads(hosted, name):
    run, a = kernels(hosted, SHARED_ERRORS)[name], hosted.xp.arange(64, dtype=i32)
    given = {"reverse": (a, hosted.xp.zeros(64, i32)), "twice": (a, i32(64)), "next_block": (a,)}[name]
    with fails(rf"{name}: a race: an array \[64\] of int32 differs from byte \d+ on"):
        assert_no_race(hosted, run, 64, *given, block=64 if name == "reverse" else 8)


def test_what_may_come_in_any_order_is_named(hosted):
    run, xp = kernels(hosted, SHARED_ERRORS)["arrival"], hosted.xp
    places, count = xp.zeros(64, i32), xp.zeros(1, i32)
    with fails("arrival: a race"):
        assert_no_race(hosted, run, 64, places, count, block=32)
    count.fill(0)
    assert_no_race(hosted, run, 64, places, count, exempt=(places,), block=32)
    assert sorted(hosted.read(places)) == list(range(64)) and hosted.read(count) == 64


BARRIER_ERRORS = """
#define FULL 0xFFFFFFFFu
KERNEL branch(int* out) {
    if (threadIdx.x < 40) __syncthreads();
    out[threadIdx.x] = 1;
}
KERNEL two_places(int* out) {
    if (threadIdx.x & 1) __syncthreads();
    else
        __syncthreads();
    out[threadIdx.x] = 1;
}
KERNEL early_return(int* out, int n) {
    if (thread() >= n) return;
    out[thread()] = __syncthreads_count(1);
}
KERNEL missing_lanes(int* out) {
    int value = threadIdx.x;
    if (threadIdx.x < 20) value = __shfl_sync(FULL, value, 0);
    out[threadIdx.x] = value;
}
KERNEL lanes_at_a_barrier(int* out) {
    if (threadIdx.x & 1) out[threadIdx.x] = __ballot_sync(FULL, 1);
    __syncthreads();
}
KERNEL other_mask(int* out) { out[threadIdx.x] = __any_sync(threadIdx.x < 16 ? FULL : 0xFFFF8000u, 1); }
KERNEL not_mine(int* out) { out[threadIdx.x] = __shfl_xor_sync(0x0000FFFFu, 1, 1); }
KERNEL from_outside(int* out) { if (threadIdx.x < 16) out[threadIdx.x] = __shfl_down_sync(0x0000FFFFu, 1, 1); }
KERNEL small_block(int* out) { out[threadIdx.x] = __shfl_xor_sync(FULL, threadIdx.x, 1); }
KERNEL endless(volatile int* out) {
    while (out[0] == 0) {}
}
"""


@pytest.mark.parametrize(
    ("name", "message", "block"),
    [
        ("branch", r"__syncthreads at test\.cu:4 waits for thread 40, which has ended", 64),
        ("two_places", r"waits for thread 1, which waits in __syncthreads at test\.cu:8", 64),
        ("missing_lanes", r"__shfl_sync at test\.cu:19 waits for thread 20, which has ended", 32),
        ("lanes_at_a_barrier", r"__ballot_sync at test\.cu:23 waits for thread 0, which waits in __syncthreads", 32),
        ("other_mask", r"__any_sync .* waits for thread 16, which waits in __any_sync .* with another mask", 32),
        ("not_mine", r"__shfl_xor_sync at test\.cu:27: lane \d+ is not in its own mask 0000ffff", 32),
        ("from_outside", r"lane 15 reads lane 16, which is not in the mask 0000ffff", 32),
        ("small_block", r"waits for lane 16, but the block has 16 threads only", 16),
    ],
)
@pytest.mark.parametrize("order", ["ascending", "descending", 5])
def test_barriers_that_not_all_reach(hosted, name, message, block, order):
    hosted.order = order
    with fails(rf"{name}: block 0, thread \d+: .*{message}"):
        kernels(hosted, BARRIER_ERRORS)[name](block, hosted.xp.zeros(64, i32), block=block)


def test_a_tail_that_returns_before_the_barrier(hosted):
    run, out = kernels(hosted, BARRIER_ERRORS)["early_return"], hosted.xp.zeros(100, i32)
    with fails(r"early_return: block 1, thread 0: __syncthreads_count at test\.cu:15 waits for thread 36"):
        run(100, out, i32(100), block=64)
    run(64, out, i32(64), block=64)  # and goes on
    assert (hosted.read(out)[:64] == 64).all()


def test_a_loop_that_does_not_end(hosted, monkeypatch):
    monkeypatch.setattr(hosted, "time_limit", 1)
    with fails(r"endless: block 0, thread 0: the launch ran into its time limit.*test\.cu:31"):
        kernels(hosted, BARRIER_ERRORS)["endless"](1, hosted.xp.zeros(1, i32), block=1)


ARITHMETIC_ERRORS = """
KERNEL shift(u32* out, int by) { out[0] = 1u << by; }
KERNEL cast(int* out, float x) { out[0] = (int)x; }
KERNEL divide(int* out, int by) { out[0] = 7 / by; }
KERNEL overflow(int* out, int x) { out[0] = x + 0x7FFFFFFF; }
KERNEL deep(int* out, int n) {
    volatile char big[200000];
    big[n] = 1;
    out[0] = big[n];
}
KERNEL half(int* out, int n) {  // forgets the tail: whole groups of 4 only
    for (int i = thread(); i < n / 4; i += threads())
        for (int k = 0; k < 4; k++) out[4 * i + k] = 1;
}
"""


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("shift", i32(32), "a shift by"),
        ("cast", f32(np.nan), "a float outside of the integer's range"),
        ("cast", f32(3e9), "a float outside of the integer's range"),
        ("divide", i32(0), "integer division by zero"),
        ("overflow", i32(1), "a signed sum overflows"),
        ("deep", i32(0), "illegal address"),
    ],
)
def test_arithmetic_that_means_something_else_on_a_card(hosted, name, value, message):
    out = hosted.xp.zeros(1, np.uint32 if name == "shift" else i32)
    with fails(rf"{name}: block 0, thread 0: .*{message}"):
        kernels(hosted, ARITHMETIC_ERRORS)[name](1, out, value, block=1)


def test_a_forgotten_tail_leaves_poison(hosted):
    out = hosted.xp.empty(10, i32)
    kernels(hosted, ARITHMETIC_ERRORS)["half"](10, out, i32(10))
    assert (hosted.read(out) != 1).nonzero()[0].tolist() == [8, 9]


ARGUMENTS = "KERNEL takes(const float* a, int* b, u16* c, bool d, int n, float x, u64 k, const void* any) {}\n"


def test_arguments_are_checked(hosted):
    xp, run = hosted.xp, kernels(hosted, ARGUMENTS)["takes"]
    good = [
        xp.zeros(4, f32), xp.zeros(4, i32), xp.zeros(4, np.float16), np.bool_(True), i32(4), f32(1), np.uint64(1),
        xp.zeros(4, np.float64),
    ]  # fmt: skip
    run(4, *good)
    run(4, *good[:7], None)
    run(4, *good[:1], xp.zeros(4, np.uint8), *good[2:])  # bytes may be anything

    def refused(at: int, value: Any, match: str) -> None:
        given = [*good]
        given[at] = value
        with pytest.raises(TypeError, match=rf"kernel takes: argument {at} is .*{match}"):
            run(4, *given)

    refused(0, xp.zeros(4, np.float64), "an array of float64, the parameter is a pointer to a float of 4 bytes")
    refused(0, xp.zeros(4, i32), "an array of int32")
    refused(0, xp.zeros((4, 4), f32)[:, 1], "not contiguous")
    refused(0, np.zeros(4, f32), "of type ndarray: arrays on the device, None and NumPy scalars are taken")
    refused(0, f32(1), "a number")
    refused(1, xp.zeros(4, np.int64), "an array of int64")
    refused(2, xp.zeros(4, i32), "an array of int32")
    refused(4, 4, "of type int: arrays on the device")
    refused(4, np.int64(4), "a number of type int64, the parameter is a signed integer of 4 bytes")
    refused(4, np.uint32(4), "a number of type uint32")
    refused(4, xp.zeros((), i32), "an array, the parameter is a signed integer")
    refused(5, np.float64(1), "a number of type float64, the parameter is a float of 4 bytes")
    refused(5, None, "None, the parameter is a float")
    for wrong in (good[:7], [*good[:7], None, None]):
        with pytest.raises(TypeError, match=r"takes: . arguments"):
            run(4, *wrong)


def test_a_launch_that_no_card_takes(hosted):
    run = kernels(hosted, MEMORY_ERRORS)["nothing"]
    with fails("a block of 2048 threads"):
        run(4, hosted.xp.zeros(4, f32), block=2048)


def test_what_does_not_compile_is_named_with_its_line(hosted):
    with pytest.raises(BackendError, match=r"(?s)test does not compile .*macros: -DN=3.*test\.cu:2:"):
        hosted.kernels("KERNEL fine(int* a) {}\nKERNEL wrong(int* a) { a[0] = nothing; }\n", N=3)
    compiled = hosted.compile_text('extern "C" __global__ void fine(int* a) {}')
    with pytest.raises(BackendError, match="no kernel 'missing'; it has fine"):
        hosted.function(compiled, "missing")
    for forbidden in ("atomicAdd((float*)a, 1.0f)", "__activemask()", 'printf("")'):
        with pytest.raises(BackendError, match="does not compile"):
            hosted.kernels(f"KERNEL wrong(int* a) {{ {forbidden}; }}\n")


def test_macros_do_not_reach_the_shims_own_text(hosted):
    run = hosted.kernels(
        "KERNEL sum(int* a) { a[0] = N + T + WARP + ALL + BLOCK; }\n", N=1, T=2, WARP=3, ALL=4, BLOCK=5
    )
    out = hosted.xp.zeros(1, i32)
    run["sum"](1, out)
    assert hosted.read(out) == 15
