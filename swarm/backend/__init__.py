"""Where arrays live and who computes: one backend is chosen once, for a world or a pool."""
