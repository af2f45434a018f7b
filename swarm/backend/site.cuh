// A launch of a stage names the running system and the table in one word: system << 16 | table (stages/launch.py).

INLINE int table_of(u32 site) { return (int)(site & 0xFFFFu); }
INLINE int living(const World* world, u32 site) { return counts(world)[table_of(site)].n; }
INLINE void accuse(World* world, u32 site, int row) { fault(world, (int)(site >> 16), table_of(site), row); }

// Two float32 that came in one argument (launch.both).
INLINE float first_of(u64 both) { return __uint_as_float((u32)both); }
INLINE float second_of(u64 both) { return __uint_as_float((u32)(both >> 32)); }
