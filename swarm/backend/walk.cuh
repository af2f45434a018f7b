// Walks (item, unit) through items of `units` units, without a division but the first: from number `start` on, `step` at
// a time. Neighbouring lanes that start side by side take neighbouring units.

struct Walk {
    int item, unit, down, right, units;
};

INLINE Walk walk(int units, int start, int step) {
    return {start / units, start % units, step / units, step % units, units};
}

INLINE void next(Walk& at) {
    at.item += at.down;
    at.unit += at.right;
    if (at.unit >= at.units) {
        at.unit -= at.units;
        at.item++;
    }
}
