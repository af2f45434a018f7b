// The books of the barrier on a device, one per table that has births or deaths; barrier_book.py writes them.

#include "ecs/admission.cuh"
#include "scan.cuh"
#include "walk.cuh"

#define EACH 8     // rows or slots that a thread takes in a scan: their flags are one load
#define TILE 2048  // rows or slots of a block of 256
#define CROWD 1024 // children of a block of 256, four rounds of one each

struct Request {  // one call of `Agents.birth` or `ask`
    const int* rows;
    const int* count;  // how many of them count; null: all
    int most;          // how many there are at most
    int start;         // its first place among all that were asked for; `open` writes it
};

struct Value {  // what one request gives for one column
    u8* target;        // the column's first element in row 0
    const u8* source;
    int request;
    int stride;  // bytes from row to row
    int step;    // bytes from child to child in source; 0: one for all
    int unit;    // bytes copied at once
    int units;
    int _;
};

struct Field {  // one stored column, or the rows of own brains
    u8* rows;
    const u8* fresh;  // newborns start with this row; null: they copy, or somebody else writes them
    int unit;         // bytes copied at once
    int units;        // of a row
    int inherits;     // whether newborns copy their parent's row
    int _;
};

struct Totals {  // of all tables; `open` clears them
    int children;
    int spare;     // slots that may be given out
    int released;  // slots that are free again
    int _;
};

struct State {  // of one table; `open` clears it
    int asked;     // children asked for
    int births;    // the same, unless one was asked of a row that is none
    int deaths;    // rows that are dying
    int children;  // children let in
    int after;     // rows that live behind the barrier
    int first;     // children of the tables before this one
    int plain;     // children that are no heirs
    int heirs;     // children that take their dying parent's row
    int holes;     // rows below `after` that fall free and have no heir
    int movers;    // living rows from `after` on
    int _[2];
};

struct Book {
    State* state;
    Totals* totals;
    u8* dying;  // [capacity]: 0, 1 dying, 2 dying and its row goes to an heir
    u32 *slots, *generations;  // [capacity], as are the next two: the identity columns
    u64* parents;
    i64* born;
    u32* generation;  // [slots], as are the next four: the registry
    int *table, *row;
    i64* died;
    u8* free;
    Request* requests;
    const Value* values;
    const Field* fields;
    int* counted;    // [slots] children of the entity there, zero at first
    int* start;      // [slots] where they begin in the sorted lists
    u64* slot_sums;  // [tiles of slots]: free << 32 | children
    u32* free_list;  // [most children of all tables]: the lowest free slots
    u32* key;        // [most] the parent's slot
    int* arrival;    // [most] how manieth of its parent, in no order; -1: not asked for
    int* group;      // [most] places of siblings, in no order
    int *asked, *parent, *nth;  // [most], by (parent slot, asked): place among what was asked for, row, child's number
    u32* parent_slot;
    int *let_asked, *let_parent;  // [most], the same for those let in; without a cap the same arrays
    u32* let_slot;
    Admission* admission;  // null without a cap
    u64* priority;         // [most]
    int* sums;             // [crowds]
    int* child;            // [most] the children's rows; -1: not known yet
    u64* row_sums;         // [tiles of rows]: holes << 32 | movers
    int* list;             // [capacity] holes, then movers, ascending
    int* moved;            // [capacity] where the movers go
    int *plain_parent, *plain_child;  // [most] children that are no heirs
    u32* plain_slot;
    int* heir_row;  // [most]
    u32* heir_slot;
    int index;     // the table
    int capacity;  // rows there is room for, brains too
    int cap;
    int most;      // children that are asked for at most
    int requested, valued, fielded;  // lengths of the three tables
    int registered;                  // slots there are
    int needed;    // length of free_list
    int dies;      // whether anybody was killed
    int finds;     // whether this book's scan of slots also finds the free ones
    int _;
};

INLINE int tiles_of(int count, int tile) { return (count + tile - 1) / tile; }
INLINE bool goes(const World* world) { return world->go != 0; }

INLINE int asked_of(const Request* request) {
    return request->count == nullptr || *request->count > request->most ? request->most : *request->count;
}

// The request in which place i was asked for.
INLINE const Request* request_of(const Book* b, int i) {
    int low = 0, high = b->requested;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (b->requests[middle].start <= i) low = middle; else high = middle;
    }
    return b->requests + low;
}

// Of eight bytes those that stand for rows below a bound, `k` rows from the first.
INLINE u64 bytes_below(int k) { return k <= 0 ? 0 : k >= 8 ? ~0ull : (1ull << (8 * k)) - 1; }
