"""The shipped systems: index, sense, think, move, graze, split, flock. Each is made by a call naming its columns."""
