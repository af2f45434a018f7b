"""Components, tables, ids and systems: the data of a world, and what may read and write it."""
