"""Brains: architectures, pools of parameters, inference, variation and files."""
