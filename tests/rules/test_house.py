"""The house holds: imports run downward, lint and types are clean, numba stays in its files."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMBA_ROOMS = {"backend/jit.py", "backend/simd.py", "backend/vmath.py"}


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"


def need(module: str) -> None:
    pytest.importorskip(module, reason=f"{module} is in the extra `lint`")


def test_imports_run_downward_only():
    need("importlinter")
    run("-c", "from importlinter.cli import lint_imports_command as main; main(['--no-cache'])")


def test_ruff_is_clean():
    need("ruff")
    run("-m", "ruff", "check", "--no-cache", "swarm", "tools", "tests", "demos")


@pytest.mark.slow
def test_pyright_is_clean():
    need("pyright")
    run("-m", "pyright", "--pythonpath", sys.executable)


def imported(path: Path) -> set[str]:
    """The first parts of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_numba_is_imported_by_kernels_only():
    modules = sorted((ROOT / "swarm").rglob("*.py"))
    assert len(modules) > 20
    allowed = {ROOT / "swarm" / name for name in NUMBA_ROOMS} | {ROOT / "swarm/info.py"}
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules
        if path not in allowed and not path.stem.endswith("_cpu") and imported(path) & {"numba", "llvmlite"}
    ]
    assert not wrong, "numba belongs into *_cpu.py, reached through Backend.twin"


def test_every_kernel_file_has_a_stem_with_the_same_names():
    for path in sorted((ROOT / "swarm").rglob("*_cpu.py")):
        stem = path.with_name(path.name.removesuffix("_cpu.py") + ".py")
        if not stem.exists():
            continue
        public = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        known = {node.name for node in ast.parse(stem.read_text()).body if isinstance(node, ast.FunctionDef)}
        assert {name for name in public if not name.startswith("_")} & known, f"{path.name} has nothing of {stem.name}"


def test_every_module_says_what_it_is():
    for path in sorted((ROOT / "swarm").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree) or not tree.body, f"{path.relative_to(ROOT)} has no docstring"
