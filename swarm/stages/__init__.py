"""The systems the engine ships: index, sense, think, move, graze, split, flock; each is made by a call that names its columns."""
