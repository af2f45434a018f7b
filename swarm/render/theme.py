"""The two looks of the picture, dark and light: every colour that is not data."""

from __future__ import annotations

from dataclasses import dataclass

from swarm.errors import SettingsError


@dataclass(frozen=True)
class Theme:
    """Colours as "#rrggbb"; alphas 0..1."""

    name: str  # "dark" or "light"; also which variant of a palette is used
    ground: str  # inside the world
    beyond: str  # outside it, where its images go on
    line: str  # grid and edge
    grid: float  # alpha of the grid
    edge: float  # alpha of the edge of the world
    ghost: float  # how much of an agent's colour is left beyond the edge
    shade: float  # darkening towards the corners of the picture
    panel: str
    panel_alpha: float
    text: str
    quiet: str  # labels, units
    accent: str  # the one colour of the controls
    glow: bool  # light around agents only makes sense on a dark ground


DARK = Theme(
    "dark",
    ground="#12151b",
    beyond="#0a0c10",
    line="#c8d4ec",
    grid=0.030,
    edge=0.22,
    ghost=0.22,
    shade=0.32,
    panel="#0b0e13",
    panel_alpha=0.88,
    text="#e9edf3",
    quiet="#8b95a5",
    accent="#f3b267",
    glow=True,
)
LIGHT = Theme(
    "light",
    ground="#f8f7f3",
    beyond="#eae8e2",
    line="#2a3140",
    grid=0.045,
    edge=0.30,
    ghost=0.28,
    shade=0.05,
    panel="#fffefb",
    panel_alpha=0.92,
    text="#20252e",
    quiet="#6d7480",
    accent="#a4520a",
    glow=False,
)
THEMES = {"dark": DARK, "light": LIGHT}


def choose(theme: str | Theme) -> Theme:
    """The theme of that name; a `Theme` passes through. Raises `SettingsError` for an unknown name."""
    if isinstance(theme, Theme):
        return theme
    if theme not in THEMES:
        raise SettingsError(f"theme: {theme!r} is unknown. Choose one of {', '.join(THEMES)}.")
    return THEMES[theme]
