"""Multigrid reduction in time: one training run, computed in parallel over its steps."""
