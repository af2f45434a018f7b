"""Recorded runs: a table of them, each in a folder that says how it was made and that loses nothing when it is killed.

    D/runs.csv                     the table: settings, status, ticks, final hash, last statistics
    D/<run>/run.json               scene, source digest, settings, versions, processor: how it was made
    D/<run>/scene.py               the scene's source as it was then, to read; it is never run
    D/<run>/hashes.csv             tick and hash, every K ticks
    D/<run>/statistics.csv         with --record: the living per table and what the scene's `statistics` returns
    D/<run>/population.csv         with --control: births and deaths until each tick
    D/<run>/snapshots/<tick>...    the world every K ticks, thinned out with age
    D/<run>/last.safetensors       the world where the run ended or was stopped
    D/<run>/outcome.json           status, ticks, hash, seconds, last statistics; error.txt where it failed
    D/<run>/lock                   while a process writes here

A run goes on from its latest snapshot, and its streams are cut back to that tick: however often it was killed, its
files equal those of an undisturbed run, but for the seconds in outcome.json and runs.csv.
"""
