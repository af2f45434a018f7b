"""Headless measurements: scenes, sizes and backends against the machine's measured roof."""
