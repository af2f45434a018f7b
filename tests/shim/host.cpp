// The runtime of host.h: runs one launch, block after block, the threads of a block as fibers between barriers; turns
// what goes wrong into a report instead of the end of the process. One copy is linked to each compiled kernel file.

#define SHIM_RUNTIME
#include "host.h"

#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

extern "C" __attribute__((weak, visibility("hidden"))) char __start_shim_shared[];
extern "C" __attribute__((weak, visibility("hidden"))) char __stop_shim_shared[];

namespace shim {
namespace {

enum { WARP_SIZE = 32, MOST_THREADS = 1024, STACK = 128 << 10, PAGE = 16 << 10 };

struct Report {  // device.py has the same fields
    char message[1200];
    long long block, thread;       // -1: none
    unsigned long long address;    // the address at fault, or 0
    unsigned long long at;         // the instruction at fault, or 0
};

struct Fiber;

struct Thread {
    Fiber* fiber;       // where it runs, once it has begun to
    bool ended;
    const char* where;  // the barrier it waits at, or null
    int kind, lane, width;
    unsigned mask;
    unsigned long long value, result;
};

// ------------------------------------------------------------------------------------------ fibers

struct Fiber {
    char* stack = nullptr;
    bool mapped = false, fresh = true;  // fresh: its stack holds nothing yet
    Fiber* next = nullptr;
#if defined(__x86_64__)
    void* top = nullptr;
#else
    ucontext_t context;
#endif
};

void work();
[[noreturn]] void failf(const char* format, ...) __attribute__((format(printf, 1, 2)));

void map(Fiber* fiber) {
    if (!fiber->mapped && mprotect(fiber->stack, STACK, PROT_READ | PROT_WRITE)) failf("no memory for a thread's stack");
    fiber->mapped = true;
    fiber->fresh = false;
}

#if defined(__x86_64__)
extern "C" void shim_switch(void** from, void* to);
asm(R"(
.text
.p2align 4
.type shim_switch,@function
shim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size shim_switch,.-shim_switch
)");
void* scheduler_top;

void enter(Fiber* fiber) {
    if (fiber->fresh) {
        map(fiber);
        void** top = (void**)(fiber->stack + STACK);
        *--top = nullptr;             // where work() would return to: it never does
        *--top = (void*)work;
        for (int i = 0; i < 6; i++) *--top = nullptr;
        fiber->top = top;
    }
    shim_switch(&scheduler_top, fiber->top);
}
void leave(Fiber* fiber) { shim_switch(&fiber->top, scheduler_top); }
#else
ucontext_t scheduler_context;

void enter(Fiber* fiber) {
    if (fiber->fresh) {
        map(fiber);
        getcontext(&fiber->context);
        fiber->context.uc_stack.ss_sp = fiber->stack;
        fiber->context.uc_stack.ss_size = STACK;
        fiber->context.uc_link = nullptr;
        makecontext(&fiber->context, work, 0);
    }
    swapcontext(&scheduler_context, &fiber->context);
}
void leave(Fiber* fiber) { swapcontext(&fiber->context, &scheduler_context); }
#endif

Fiber fibers[MOST_THREADS];
Fiber* idle;    // those that wait for work
Fiber* chosen;  // the one that begins

// Stacks grow down to an unreadable page.
bool prepare() {
    idle = nullptr;
    for (int i = MOST_THREADS - 1; i >= 0; i--) {
        fibers[i].fresh = true;
        fibers[i].next = idle;
        idle = &fibers[i];
    }
    if (fibers[0].stack) return true;
    size_t each = STACK + PAGE;
    char* memory = (char*)mmap(nullptr, each * MOST_THREADS, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    for (int i = 0; i < MOST_THREADS; i++) fibers[i].stack = memory + i * each + PAGE;
    return true;
}

// ------------------------------------------------------------------------------------------ the running launch

const Entry* kernel;
void** arguments;
Thread threads[MOST_THREADS];
int order[MOST_THREADS];  // of the threads of a block
int count, begun;         // threads of a block; those that have begun
Thread* current;
bool running;
bool dirty = true;        // the fibers were left in the middle of something
sigjmp_buf out;
pthread_t launcher;
Report* report;

void become(Thread* thread) {
    current = thread;
    threadIdx.x = (unsigned)(thread - threads);
}

// A fiber runs thread after thread, until one of them waits: that one keeps the fiber, the next begin on another.
void work() {
    Fiber* self = chosen;
    for (;;) {
        while (begun < count) {
            Thread* thread = &threads[order[begun++]];
            thread->fiber = self;
            become(thread);
            kernel->call(kernel->function, arguments);
            current->ended = true;
        }
        self->next = idle;
        idle = self;
        leave(self);
    }
}

[[noreturn]] void stop(unsigned long long address, unsigned long long at) {
    report->block = blockIdx.x;
    report->thread = current ? current - threads : -1;
    report->address = address;
    report->at = at;
    dirty = true;
    siglongjmp(out, 1);
}

void failf(const char* format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(report->message, sizeof report->message, format, list);
    va_end(list);
    stop(0, 0);
}

// ------------------------------------------------------------------------------------------ barriers

bool same_place(const char* a, const char* b) { return a == b || (a && b && !strcmp(a, b)); }

bool together(const Thread* a, const Thread* b) {
    return !b->ended && b->kind == a->kind && b->mask == a->mask && same_place(a->where, b->where);
}

bool warp_complete(const Thread* thread, int base) {
    for (int lane = 0; lane < WARP_SIZE; lane++)
        if (thread->mask >> lane & 1u)
            if (base + lane >= count || !together(thread, &threads[base + lane])) return false;
    return true;
}

// The lane whose value `lane` gets.
int source_of(const Thread* thread, int lane) {
    int width = thread->width, first = lane & ~(width - 1), last = first + width - 1, by = thread->lane;
    switch (thread->kind) {
        case SHIM_SHUFFLE: return first + (by & (width - 1));
        case SHIM_SHUFFLE_UP: return lane - by < first ? lane : lane - by;
        case SHIM_SHUFFLE_DOWN: return lane + by > last ? lane : lane + by;
        default: return (lane ^ by) > last ? lane : lane ^ by;
    }
}

void let_warp_go(Thread* thread, int base) {
    unsigned mask = thread->mask;
    int kind = thread->kind;
    const char* where = thread->where;
    unsigned long long all = 0;  // of votes and reductions
    bool first = true;
    for (int lane = 0; lane < WARP_SIZE; lane++) {
        if (!(mask >> lane & 1u)) continue;
        unsigned long long value = threads[base + lane].value;
        unsigned v = (unsigned)value, a = (unsigned)all;
        if (kind == SHIM_BALLOT || kind == SHIM_ANY || kind == SHIM_ALL) all |= (value & 1u) << lane;
        else if (first) all = value;
        else if (kind == SHIM_REDUCE_ADD) all = a + v;
        else if (kind == SHIM_REDUCE_MIN) all = v < a ? v : a;
        else if (kind == SHIM_REDUCE_MAX) all = v > a ? v : a;
        else if (kind == SHIM_REDUCE_AND) all = a & v;
        else if (kind == SHIM_REDUCE_OR) all = a | v;
        first = false;
    }
    if (kind == SHIM_ANY) all = all != 0;
    if (kind == SHIM_ALL) all = all == mask;
    bool shuffled = kind == SHIM_SHUFFLE || kind == SHIM_SHUFFLE_UP || kind == SHIM_SHUFFLE_DOWN || kind == SHIM_SHUFFLE_XOR;
    for (int lane = 0; lane < WARP_SIZE; lane++) {
        if (!(mask >> lane & 1u)) continue;
        Thread* one = &threads[base + lane];
        one->result = all;
        if (!shuffled) continue;
        int from = source_of(one, lane);
        if (!(mask >> from & 1u)) {
            become(one);
            failf("%s: lane %d reads lane %d, which is not in the mask %08x", where, lane, from, mask);
        }
        one->result = threads[base + from].value;
    }
    for (int lane = 0; lane < WARP_SIZE; lane++)
        if (mask >> lane & 1u) threads[base + lane].where = nullptr;
}

bool let_block_go() {
    const Thread* first = &threads[0];
    if (first->ended || !first->where || first->kind > SHIM_BLOCK_COUNT) return false;
    int sum = 0;
    for (int i = 0; i < count; i++) {
        if (threads[i].ended || threads[i].kind != first->kind || !same_place(first->where, threads[i].where)) return false;
        sum += (int)threads[i].value;
    }
    int kind = first->kind;
    for (int i = 0; i < count; i++) {
        threads[i].result = kind == SHIM_BLOCK_OR ? sum != 0 : kind == SHIM_BLOCK_AND ? sum == count : sum;
        threads[i].where = nullptr;
    }
    return true;
}

// Nobody can go on: say who waits for whom.
[[noreturn]] void stuck() {
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++) {
            Thread* one = &threads[i];
            bool warp = !one->ended && one->kind > SHIM_BLOCK_COUNT;
            if (one->ended || warp != (pass == 0)) continue;
            int base = warp ? i / WARP_SIZE * WARP_SIZE : 0;
            become(one);
            for (int lane = 0; lane < (warp ? (int)WARP_SIZE : count); lane++) {
                if (warp && !(one->mask >> lane & 1u)) continue;
                int other = base + lane;
                if (other >= count)
                    failf("%s waits for lane %d, but the block has %d threads only", one->where, lane, count);
                if (warp ? together(one, &threads[other])
                         : !threads[other].ended && threads[other].kind == one->kind &&
                               same_place(one->where, threads[other].where))
                    continue;
                if (threads[other].ended)
                    failf("%s waits for thread %d, which has ended: not all threads reach it", one->where, other);
                failf("%s waits for thread %d, which waits in %s%s: not all threads reach it", one->where, other,
                      threads[other].where, same_place(one->where, threads[other].where) ? " with another mask" : "");
            }
        }
    failf("the threads of the block wait for each other");
}

void run_block() {
    begun = 0;
    for (int i = 0; i < count; i++) {
        threads[i].fiber = nullptr;
        threads[i].ended = false;
        threads[i].where = nullptr;
        threads[i].mask = 0;
    }
    while (begun < count) {
        chosen = idle;
        idle = idle->next;
        enter(chosen);
    }
    for (;;) {
        bool left = false, moved = false;
        for (int i = 0; i < count; i++) {
            Thread* one = &threads[i];
            if (one->ended) continue;
            left = true;
            if (!one->where) {
                moved = true;  // let go together with an earlier lane
            } else if (one->kind > SHIM_BLOCK_COUNT && warp_complete(one, i / WARP_SIZE * WARP_SIZE)) {
                let_warp_go(one, i / WARP_SIZE * WARP_SIZE);
                moved = true;
            }
        }
        if (!left) return;
        if (!moved && !let_block_go()) stuck();
        for (int i = 0; i < count; i++) {
            Thread* one = &threads[order[i]];
            if (one->ended || one->where) continue;
            become(one);
            enter(one->fiber);
        }
    }
}

unsigned long long wait(const char* where, int kind, unsigned mask, unsigned long long value, int lane, int width) {
    Thread* me = current;
    me->where = where;
    me->kind = kind;
    me->mask = mask;
    me->value = value;
    me->lane = lane;
    me->width = width;
    leave(me->fiber);
    return me->result;
}

// ------------------------------------------------------------------------------------------ signals

const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGVTALRM};
struct sigaction before[5];

void caught(int number, siginfo_t* info, void* context) {
    if (!running || !pthread_equal(pthread_self(), launcher)) {
        if (running && number == SIGVTALRM) {
            pthread_kill(launcher, number);
            return;
        }
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    unsigned long long at = 0;
#if defined(__linux__) && defined(__x86_64__)
    at = (unsigned long long)((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__linux__) && defined(__aarch64__)
    at = (unsigned long long)((ucontext_t*)context)->uc_mcontext.pc;
#else
    (void)context;
#endif
    Dl_info home;
    if (at && dladdr((void*)kernel->function, &home)) at -= (unsigned long long)home.dli_fbase;
    const char* what = number == SIGVTALRM ? "the launch ran into its time limit: a loop that does not end, or one that "
                                             "waits for another thread"
                       : number == SIGFPE  ? "division by zero"
                       : number == SIGILL  ? "an illegal instruction"
                                           : "illegal address";
    snprintf(report->message, sizeof report->message, "%s", what);
    stop(number == SIGSEGV || number == SIGBUS ? (unsigned long long)info->si_addr : 0, at);
}

void watch(bool on, int seconds) {
    static char stack[64 << 10];
    static stack_t other;
    if (on) {
        stack_t mine = {};
        mine.ss_sp = stack;
        mine.ss_size = sizeof stack;
        sigaltstack(&mine, &other);
        struct sigaction action = {};
        action.sa_sigaction = caught;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        for (int i = 0; i < 5; i++) sigaction(SIGNALS[i], &action, &before[i]);
    }
    itimerval limit = {};
    limit.it_value.tv_sec = seconds;
    setitimer(ITIMER_VIRTUAL, &limit, nullptr);
    if (!on) {
        for (int i = 0; i < 5; i++) sigaction(SIGNALS[i], &before[i], nullptr);
        other.ss_flags &= ~SS_ONSTACK;
        sigaltstack(&other, nullptr);
    }
}

uint32_t mix(uint64_t* state) {  // splitmix64: any permutation will do
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32);
}

void arrange(int* places, int n, int how, uint64_t seed) {
    for (int i = 0; i < n; i++) places[i] = how == 1 ? n - 1 - i : i;
    if (how == 2)
        for (int i = n - 1; i > 0; i--) {
            int other = (int)(mix(&seed) % (uint32_t)(i + 1));
            int kept = places[i];
            places[i] = places[other];
            places[other] = kept;
        }
}

}  // namespace

int block_barrier(const char* where, int kind, int value) {
    return (int)wait(where, kind, 0, (unsigned long long)value, 0, 0);
}

unsigned long long warp_barrier(const char* where, int kind, unsigned mask, unsigned long long value, int lane, int width) {
    int mine = (int)(current - threads) % WARP_SIZE;
    if (!(mask >> mine & 1u)) failf("%s: lane %d is not in its own mask %08x", where, mine, mask);
    if (width < 1 || width > WARP_SIZE || (width & (width - 1))) failf("%s: a width of %d lanes", where, width);
    if (lane < 0 && kind != SHIM_SHUFFLE) failf("%s: a distance of %d lanes", where, lane);
    return wait(where, kind, mask, value, lane, width);
}

void fail(const char* where, const char* what) { failf("%s: %s", where, what); }

}  // namespace shim

// ---------------------------------------------------------------------------------------------- what Python calls

using namespace shim;

// Run one launch; how: 0 ascending, 1 descending, 2 shuffled by `seed`. Gives 0, or 1 and the report of what went wrong.
extern "C" int shim_launch(const Entry* found, int blocks, int block, void** values, int how, uint64_t seed, int seconds,
                           Report* told) {
    static int* blocks_in_order;
    memset(told, 0, sizeof *told);
    told->block = told->thread = -1;
    if (block < 1 || block > MOST_THREADS) {
        snprintf(told->message, sizeof told->message, "a block of %d threads; 1 to %d are possible", block, (int)MOST_THREADS);
        return 1;
    }
    if (dirty && !prepare()) {
        snprintf(told->message, sizeof told->message, "no memory for the stacks of the threads");
        return 1;
    }
    dirty = false;
    kernel = found;
    arguments = values;
    report = told;
    count = block;
    current = nullptr;
    launcher = pthread_self();
    blockDim = {(unsigned)block, 1, 1};
    gridDim = {(unsigned)blocks, 1, 1};
    threadIdx = blockIdx = {0, 0, 0};
    free(blocks_in_order);
    blocks_in_order = (int*)malloc(sizeof(int) * (size_t)blocks);
    arrange(blocks_in_order, blocks, how, seed);
    arrange(order, block, how, seed + 1);
    size_t shared = (size_t)(__stop_shim_shared - __start_shim_shared);
    running = true;
    watch(true, seconds);
    int wrong = sigsetjmp(out, 1);
    if (!wrong)
        for (int i = 0; i < blocks; i++) {
            blockIdx.x = (unsigned)blocks_in_order[i];
            if (shared) memset(__start_shim_shared, 0xFF, shared);
            run_block();
        }
    watch(false, 0);
    running = false;
    return wrong;
}

// Which of `n` stretches of bytes no longer holds `pattern` everywhere; -1: none.
extern "C" int shim_check(const uint64_t* starts, const uint32_t* lengths, int n, int pattern) {
    for (int i = 0; i < n; i++) {
        const unsigned char* at = (const unsigned char*)starts[i];
        for (uint32_t k = 0; k < lengths[i]; k++)
            if (at[k] != pattern) return i;
    }
    return -1;
}

// ---------------------------------------------------------------------------------------------- UBSan's handlers

namespace {
struct Place { const char* file; unsigned line, column; };
struct Type { unsigned short kind, info; char name[1]; };
struct Bounds { Place place; const Type *array, *index; };
struct Mismatch { Place place; const Type* type; unsigned char log_alignment, check; };
}  // namespace

#define PLACE "%s:%u: "
#define AT(data) ((const Place*)(data))->file, ((const Place*)(data))->line
#define PLAIN_HANDLER(name, text) \
    extern "C" void __ubsan_handle_##name##_abort(void* data, ...) { failf(PLACE text, AT(data)); }

extern "C" void __ubsan_handle_out_of_bounds_abort(Bounds* data, unsigned long index) {
    failf(PLACE "index %ld is outside of the array, of type %s", AT(data), (long)index, data->array->name);
}
extern "C" void __ubsan_handle_type_mismatch_v1_abort(Mismatch* data, unsigned long address) {
    unsigned long alignment = 1ul << data->log_alignment;
    if (!address) failf(PLACE "a null pointer to %s is used", AT(data), data->type->name);
    if (address & (alignment - 1))
        failf(PLACE "misaligned address %#lx of %s, which needs %lu bytes", AT(data), address, data->type->name, alignment);
    failf(PLACE "address %#lx is outside of the object, of type %s", AT(data), address, data->type->name);
}
PLAIN_HANDLER(shift_out_of_bounds, "a shift by a negative number or by the width of the type or more, or out of a signed type")
PLAIN_HANDLER(float_cast_overflow, "a float outside of the integer's range is cast: clamp first, or use __float2int_rz")
PLAIN_HANDLER(divrem_overflow, "integer division by zero, or of the least number by -1")
PLAIN_HANDLER(add_overflow, "a signed sum overflows")
PLAIN_HANDLER(sub_overflow, "a signed difference overflows")
PLAIN_HANDLER(mul_overflow, "a signed product overflows")
PLAIN_HANDLER(negate_overflow, "a signed negation overflows")
PLAIN_HANDLER(load_invalid_value, "a bool that is neither 0 nor 1 is read: uninitialised memory")
PLAIN_HANDLER(vla_bound_not_positive, "an array of no length")
PLAIN_HANDLER(pointer_overflow, "a pointer wraps around")
PLAIN_HANDLER(invalid_builtin, "a bit count of 0")
extern "C" void __ubsan_handle_missing_return(void* data) { failf(PLACE "a function ends without its return", AT(data)); }
extern "C" void __ubsan_handle_builtin_unreachable(void* data) { failf(PLACE "unreachable code is reached", AT(data)); }
