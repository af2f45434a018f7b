"""Files that grow by rows: CSV as it is, Parquet by way of rows of fixed size beside it until it is closed.

    run.csv              tick,alive,mean            one line a row, numbers as Python writes them
    run.parquet.rows     a line of JSON (the names and their kinds), then rows of 8 bytes a number
    run.parquet          made of those rows when the stream is closed; int64 and float64, in groups of 65,536 rows

Either can be cut back to a tick and gone on with, and what stands in it depends on its rows alone: the files of a
resumed run equal those of an undisturbed one byte for byte. A write that fails leaves whole rows.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swarm.brain.files import atomic
from swarm.errors import ExtraError, SaveError

GROUP = 1 << 16  # rows of a Parquet group
Row = tuple[int | float | str, ...]  # tick, then the numbers, or texts without commas


class File:
    """A growing file. `names`: of the columns, "tick" first; `whole`: which of them are whole numbers."""

    def __init__(self, path: Path, names: Sequence[str], whole: Sequence[bool], resume_at: int | None) -> None:
        """Begin `path`, or with `resume_at` go on with what is there up to that tick. Raises `SaveError`."""
        self.path, self.names, self.whole = path, tuple(names), tuple(whole)
        self.rows: list[Row] = []  # that wait to be written
        self.last = -1  # tick of the last row that is in the file
        self._handle: Any = None
        try:
            self._open(resume_at)
        except SaveError:
            self.abandon()
            raise
        except OSError as error:
            self.abandon()
            raise SaveError(
                f"Cannot record to '{path}': {error.strerror or error}. Choose another place or free space."
            ) from None

    def flush(self, sync: bool = False) -> None:
        """Write the rows that wait; `sync`: and see them on the disk. Raises `SaveError`; the rows then wait on."""
        if self._handle is None:
            return
        try:
            if self.rows:
                self._append(b"".join(map(self._bytes, self.rows)))
                self.last = int(self.rows[-1][0])
                self.rows.clear()
            if sync:
                os.fsync(self._handle.fileno())
        except OSError as error:
            raise SaveError(
                f"Cannot record to '{self.path}': {error.strerror or error}. Its rows up to tick {self.last} are safe, "
                f"{len(self.rows)} more wait in memory, and the world can be saved. Free some space and go on."
            ) from None

    def close(self) -> None:
        """Write what waits and finish the file."""
        self.flush()
        self.abandon()

    def abandon(self) -> None:
        """Let the file go as it is."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.close()
            self._handle = None

    # ------------------------------------------------------------------ inside

    def _open(self, resume_at: int | None) -> None:
        raise NotImplementedError

    def _bytes(self, row: Row) -> bytes:
        raise NotImplementedError

    def _append(self, data: bytes) -> None:
        """All of `data` or nothing."""
        end = self._handle.seek(0, os.SEEK_END)
        left = memoryview(data)
        try:
            while left:
                left = left[self._handle.write(left) :]
        except BaseException:
            with contextlib.suppress(OSError):
                self._handle.truncate(end)
            raise

    def _begin(self, path: Path, head: bytes) -> None:
        self._handle = open(path, "xb", buffering=0)  # noqa: SIM115  (open as long as the stream)
        self._append(head)

    def _headless(self, path: Path, head: bytes) -> bool:
        """Whether the program was killed before it had written the first line: the file is then begun anew."""
        with open(path, "rb") as file:
            found = file.read(len(head))
        if found == head or not head.startswith(found):
            return False
        path.unlink()
        self._begin(path, head)
        return True

    def _differs(self, found: str) -> SaveError:
        return SaveError(
            f"'{self.path}' holds other columns ({found}) than {', '.join(self.names)}. Record to another file."
        )


class CSV(File):
    """Text that any tool reads."""

    def _open(self, resume_at: int | None) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(self.names)
        head = line.getvalue().encode()
        if resume_at is None or not self.path.exists():
            self._begin(self.path, head)
            return
        if self._headless(self.path, head):
            return
        self._handle = open(self.path, "r+b", buffering=0)  # noqa: SIM115
        with open(self.path, "rb") as file:
            end, found = len(head), file.readline()
            if found != head:
                raise self._differs(found.decode(errors="replace").strip())
            for row in file:
                tick = row.partition(b",")[0]
                if not row.endswith(b"\n") or not tick.isdigit() or int(tick) > resume_at:
                    break
                end += len(row)
                self.last = int(tick)
        self._handle.truncate(end)

    def _bytes(self, row: Row) -> bytes:
        return (",".join(x if isinstance(x, str) else repr(x) for x in row) + "\n").encode()


class Parquet(File):
    """Columns in Apache Parquet; needs pyarrow (extra `record`)."""

    def __init__(self, path: Path, names: Sequence[str], whole: Sequence[bool], resume_at: int | None) -> None:
        _pyarrow()
        self.beside = path.with_name(f"{path.name}.rows")
        self._type = np.dtype([(name, "<i8" if is_whole else "<f8") for name, is_whole in zip(names, whole)])
        self._head = json.dumps(self._type.descr).encode() + b"\n"
        super().__init__(path, names, whole, resume_at)

    def close(self) -> None:
        """Write what waits, make the Parquet file of all rows, and remove those."""
        if self._handle is None:
            return
        self.flush()
        parquet = _pyarrow()
        with atomic(self.path) as temporary, open(self.beside, "rb") as file:
            file.readline()
            with parquet.ParquetWriter(temporary, self._schema()) as writer:
                while len(rows := np.frombuffer(file.read(GROUP * self._type.itemsize), self._type)):
                    writer.write_table(self._table(rows), row_group_size=GROUP)
        self.abandon()
        self.beside.unlink()

    def _open(self, resume_at: int | None) -> None:
        if resume_at is None or not (self.beside.exists() or self.path.exists()):
            self.beside.unlink(missing_ok=True)  # of a stream that was never closed and whose file was removed
            self._begin(self.beside, self._head)
            return
        if not self.beside.exists():  # it was closed: its rows come out of it again
            self._unpack()
        if self._headless(self.beside, self._head):
            return
        self._handle = open(self.beside, "r+b", buffering=0)  # noqa: SIM115
        with open(self.beside, "rb") as file:
            if file.readline() != self._head:
                raise self._differs("see the first line")
            size = self._type.itemsize
            content = file.read()
        rows = np.frombuffer(content[: len(content) // size * size], self._type)
        kept = int(np.searchsorted(rows["tick"], resume_at, side="right"))
        self.last = int(rows["tick"][kept - 1]) if kept else -1
        self._handle.truncate(len(self._head) + kept * size)

    def _unpack(self) -> None:
        table = _pyarrow().read_table(self.path)
        if tuple(table.column_names) != self.names:
            raise self._differs(", ".join(table.column_names))
        rows = np.empty(len(table), self._type)
        for name in self.names:
            rows[name] = table[name].to_numpy()
        with atomic(self.beside) as temporary:
            Path(temporary).write_bytes(self._head + rows.tobytes())

    def _bytes(self, row: Row) -> bytes:
        return np.array(row, self._type).tobytes()

    def _schema(self) -> Any:
        import pyarrow

        kinds = (pyarrow.int64() if whole else pyarrow.float64() for whole in self.whole)
        return pyarrow.schema(list(zip(self.names, kinds)))

    def _table(self, rows: np.ndarray) -> Any:
        import pyarrow

        return pyarrow.table([np.ascontiguousarray(rows[name]) for name in self.names], schema=self._schema())


KINDS: dict[str, type[File]] = {".csv": CSV, ".parquet": Parquet}


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise ExtraError(
            "Parquet needs pyarrow: pip install 'swarm-engine[record]'. Or record to a .csv file, which needs nothing."
        ) from None
    return pyarrow.parquet
