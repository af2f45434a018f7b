"""The public list is explicit, every name resolves, and type checkers see what Python sees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import swarm


@pytest.mark.parametrize("name", swarm.__all__)
def test_public_name_resolves(name: str):
    assert getattr(swarm, name) is not None
    assert name in dir(swarm)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no public name 'wrold'"):
        swarm.wrold  # noqa: B018


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(swarm.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(swarm._NAMES)


def test_no_name_is_listed_twice():
    assert len(swarm.__all__) == len(set(swarm.__all__))
