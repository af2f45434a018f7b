"""Everything that needs a graphics card, in one command: tests, benchmarks and peers; the result is one table.

    python tools/gpu.py                                  # all parts, each at most ten minutes
    python tools/gpu.py --budget 540                     # begin no part that would end later than that; go on next time
    python tools/gpu.py --only think circles             # these parts
    python tools/gpu.py --peers peers-env/bin/python     # PyTorch and JAX are in an environment of their own

Needs an NVIDIA card, and in this Python `pip install -e ".[cuda12,test]"` (or cuda13). Each part is a process of its
own: one that fails or hangs costs the others nothing. What is done for this commit is not done again.
After each part `tools/bench/<card>.json` (all results) and `tools/bench/<card>.csv` (the figures) are written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools" / "bench"))

import figures  # noqa: E402

LIMIT = 600  # s, one part
ASK = """
import json
from swarm.backend import cuda
from swarm.errors import SwarmError
try:
    found = cuda.device()
except SwarmError as error:
    raise SystemExit(str(error))
print(json.dumps({**found.facts(), "is_card": found.gpu}))
"""


@dataclass(frozen=True)
class Part:
    """One thing to run. words: behind the interpreter; `{json}` is where its result goes. likely: seconds, a guess."""

    name: str
    words: tuple[str, ...]
    likely: int = 90
    peer: bool = False  # runs in the interpreter that has the other libraries


def parts(small: bool = False) -> list[Part]:
    """All parts, the most telling first. small: the sizes with which the tests try this file."""

    def many(count: int, few: int) -> str:
        return str(few if small else count)

    def bench(what: str, *words: str) -> tuple[str, ...]:
        repeats = ("--repeats", "3") if small else ()
        return ("-m", "swarm", "bench", what, "--backend", "cuda", *words, *repeats, "--json", "{json}")

    def alone(library: str, dtype: str) -> Part:
        words = ("--library", library, "--device", "cuda", "--dtype", dtype, "--agents", many(1_000_000, 64))
        words += ("--layers", "16-32-4", *(("--repeats", "3") if small else ()), "--json", "{json}")
        likely = 200 if library == "torch" else 60
        return Part(f"{library}-{dtype}", ("tools/peers/alone.py", *words), likely, peer=library != "swarm")

    aged, ticks = ("--aged", many(2000, 2)), ("--ticks", many(300, 3))
    dtypes = ("--dtype", "float32", "bfloat16", "float16")
    million = ("--agents", many(1_000_000, 96))
    gpu = ("-m", "pytest", "-m", "gpu", "-q", "--no-header", "-p", "no:cacheprovider", "--junitxml", "{json}")
    return [
        Part("think", bench("think", *million, "--layers", "16-32-4", *dtypes, *aged)),
        Part("foragers-1000000", bench("tick", *million, *aged, *ticks)),
        Part("foragers-10000", bench("tick", "--agents", many(10_000, 64), *aged, *ticks), 40),
        Part(
            "drifters",
            bench("tick", "--scene", "swarm.bench.drifters", "--agents", many(1_000_000, 400), *aged, *ticks),
        ),
        Part("circles", bench("neighbours", "--circles", *(("--agents", "600") if small else ()))),
        Part(
            "spawn",
            bench("spawn", "--agents", many(2_000_000, 300), "--changes", many(1_000_000, 40), "--brains", "16-32-4"),
        ),
        Part("tests", gpu, 400),
        *(alone(library, dtype) for library in ("swarm", "torch", "jax") for dtype in ("float32", "bfloat16")),
        Part("tiles", bench("think", "--tiles", *(("--agents", "64", "--layers", "5-4-3") if small else ())), 200),
        Part(
            "layers",
            bench("think", *dtypes, "--aged", "0", *(("--agents", "64", "--layers", "5-4-3") if small else ())),
            120,
        ),
        Part("neighbours", bench("neighbours", *million)),
    ]


class Results:
    """What is known about one card, kept in a file; rewritten whole after every part."""

    def __init__(self, folder: Path, name: str, facts: dict[str, Any]) -> None:
        self.path = folder / f"{name}.json"
        self.table = folder / f"{name}.csv"
        self.parts: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            self.parts = json.loads(self.path.read_text(encoding="utf-8")).get("parts", {})
        self.facts = facts

    def done(self, part: Part, commit: str) -> bool:
        """Whether this part was done for this commit."""
        known = self.parts.get(part.name, {})
        return known.get("state") == "done" and bool(commit) and known.get("commit") == commit

    def save(self) -> None:
        """Write both files, the first one atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        document = {"machine": self.facts, "parts": self.parts}
        new = self.path.with_suffix(".tmp")
        new.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        os.replace(new, self.path)
        if self.facts.get("is_card"):
            figures.write(self.table, figures.lines(self.parts))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [part.name for part in parts()]
    parser.add_argument("--only", nargs="+", choices=names, metavar="PART", help=", ".join(names))
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds that one part may take")
    parser.add_argument("--budget", type=int, help="seconds in all: no part begins that would likely end later")
    parser.add_argument("--peers", default=sys.executable, help="the Python that has PyTorch and JAX")
    parser.add_argument("--out", type=Path, default=ROOT / "tools" / "bench", help="where the files are written")
    parser.add_argument("--name", help="what they are called; by default after the card")
    parser.add_argument("--fresh", action="store_true", help="do again what is done")
    parser.add_argument("--small", action="store_true", help="tiny sizes: tries this script, measures nothing")
    words = parser.parse_args(arguments)

    facts, why = card()
    if why:
        print(why, file=sys.stderr)
        return 2
    results = Results(words.out, words.name or slug(str(facts["gpu"])), facts)
    begun, commit = time.monotonic(), commit_of()
    left = []
    for part in parts(words.small):
        if words.only and part.name not in words.only:
            continue
        if not words.fresh and results.done(part, commit):
            print(f"{part.name}: done before")
            continue
        spent = time.monotonic() - begun
        limit = words.limit if words.budget is None else min(words.limit, words.budget - spent)
        if words.budget is not None and spent + min(part.likely, words.limit) > words.budget:
            left.append(part.name)
            continue
        print(f"{part.name} ...", flush=True)
        results.parts[part.name] = run(part, words.peers if part.peer else sys.executable, limit, commit)
        results.save()
        known = results.parts[part.name]
        print(f"{part.name}: {known['state']} in {known['seconds']:.0f} s{tail(known)}", flush=True)
    show(results, left)
    states = {part.get("state") for part in results.parts.values()}
    return 0 if not left and states <= {"done", "left out"} else 1


def card() -> tuple[dict[str, Any], str]:
    """What the engine says about the card; or why there is none."""
    done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        return {}, f"No card to measure: {(done.stderr.strip().splitlines() or ['no reason was given'])[-1]}"
    return json.loads(done.stdout.strip().splitlines()[-1]), ""


def run(part: Part, python: str, limit: float, commit: str) -> dict[str, Any]:
    """Run one part; whatever happens to it, there is an entry for the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result"
        words = [word.replace("{json}", str(file)) for word in part.words]
        entry: dict[str, Any] = {"commit": commit, "time": datetime.now(UTC).isoformat(timespec="seconds")}
        entry["command"] = shlex.join(
            ["python", *(w for w in part.words if w not in ("{json}", "--json", "--junitxml"))]
        )
        begun = time.monotonic()
        try:
            done = subprocess.run(
                [python, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=max(1.0, limit)
            )
            output = done.stdout.decode(errors="replace")
            # 3: the library is not installed. pytest says 5 where no test was chosen, 1 where some failed.
            entry["state"] = {0: "done", 3: "left out"}.get(done.returncode, "failed")
        except subprocess.TimeoutExpired as stop:
            output, entry["state"] = (stop.stdout or b"").decode(errors="replace"), "too long"
        except OSError as error:
            output, entry["state"] = str(error), "failed"
        entry["seconds"] = round(time.monotonic() - begun, 1)
        if file.exists():  # what was saved before it was stopped counts, too
            try:
                entry |= tests_of(file) if part.name == "tests" else report_of(file)
            except (ValueError, KeyError, xml.ParseError) as error:
                entry["state"], output = "failed", f"{output}\n{error!r}"
        if entry["state"] != "done":
            entry["output"] = output.strip()[-3000:]
        return entry


def report_of(file: Path) -> dict[str, Any]:
    """What is kept of a report."""
    report = json.loads(file.read_text(encoding="utf-8"))
    return {key: report[key] for key in ("rows", "notes", "settings", "machine")}


def tests_of(file: Path) -> dict[str, Any]:
    """Counts and the names of failed tests from pytest's XML."""
    suites = xml.parse(file).getroot().iter("testsuite")
    count = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    failed: list[str] = []
    for suite in suites:
        for key in count:
            count[key] += int(suite.get(key, 0))
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(f"{case.get('classname')}::{case.get('name')}")
    bad = count["failures"] + count["errors"]
    row = {"passed": count["tests"] - bad - count["skipped"], "failed": bad, "skipped": count["skipped"]}
    return {"rows": [row], "notes": failed[:200]}


def commit_of() -> str:
    """The checkout's commit, "+" behind it when tracked files differ; the table's own files do not count."""

    def said(*words: str) -> str:
        try:
            return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        except OSError:
            return ""

    changed = said("status", "--porcelain", "--untracked-files=no", "--", ".", ":!tools/bench")
    return said("rev-parse", "--short=12", "HEAD") + "+" * bool(changed)


def slug(name: str) -> str:
    """ "NVIDIA H200" -> "nvidia-h200"."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "card"


def tail(known: dict[str, Any]) -> str:
    last = str(known.get("output", "")).strip().splitlines()
    return f" ({last[-1][:160]})" if last else ""


def show(results: Results, left: list[str]) -> None:
    """The short table."""
    if not results.facts.get("is_card"):
        print("hosted: not a GPU, no figures")
    else:
        for line in figures.lines(results.parts):
            print(f"{line['cuda'] or '-':>10} {line['unit']:<6} {line['aim']:<8} {line['met']:<4} {line['figure']}")
    for name, part in results.parts.items():
        if part["state"] != "done":
            print(f"{name}: {part['state']}{tail(part)}")
    if left:
        print(f"Not begun, for lack of time: {', '.join(left)}. The same command goes on with them.")
    print(f"written: {results.path}{f' and {results.table.name}' if results.table.exists() else ''}")


if __name__ == "__main__":
    sys.exit(main())
