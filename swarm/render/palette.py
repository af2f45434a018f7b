"""Colours: Oklab (Ottosson 2020) and the palettes drawn in it.

A palette runs along a curve in Oklab whose lightness only rises (dark theme) or only falls (light theme), cut into
equal steps of Oklab distance. So equal steps of the value look equal, and the order survives without colour vision.
"""

from __future__ import annotations

from functools import cache

import numpy as np

STEPS = 256

# Oklab to linear sRGB by way of cone responses.
_TO_CONES = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
)
_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)

# Stops of each palette: hue in degrees and chroma; the lightness is the theme's.
_STOPS = {
    "ember": ((278.0, 0.150), (310.0, 0.165), (352.0, 0.165), (32.0, 0.150), (66.0, 0.140), (96.0, 0.120)),
    "tide": ((268.0, 0.120), (245.0, 0.115), (222.0, 0.105), (200.0, 0.095), (180.0, 0.090), (150.0, 0.080)),
    "moss": ((180.0, 0.050), (170.0, 0.065), (160.0, 0.080), (150.0, 0.090), (138.0, 0.100), (122.0, 0.105)),
}
_LIGHTNESS = {
    "dark": {"ember": (0.56, 0.93), "tide": (0.50, 0.90), "moss": (0.42, 0.80)},
    "light": {"ember": (0.83, 0.36), "tide": (0.82, 0.38), "moss": (0.80, 0.44)},
}

NAMES = tuple(_STOPS)
ALL = (*sorted(NAMES), "kinds", "lines")

# Grey for none and ten colours for kinds (species, classes), once round the circle of hues. Their distances in Oklab
# were made as large as they get, for normal sight and, by Vienot, Brettel and Mollon (1999), for protanopes and
# deuteranopes: at least 0.08 for everybody. A test holds it.
KINDS = {
    "dark": (
        "#8b95a5",
        "#c95751",
        "#e28005",
        "#e0c111",
        "#bbf193",
        "#32d3a6",
        "#64f9ee",
        "#8fd0fe",
        "#747eee",
        "#c692e5",
        "#b058b6",
    ),
    "light": (
        "#6d7480",
        "#750a04",
        "#aa2f03",
        "#9b7e04",
        "#42a16f",
        "#216648",
        "#079ac4",
        "#00338f",
        "#5f6ad5",
        "#76478e",
        "#6e005b",
    ),
}


def srgb(lab: np.ndarray) -> np.ndarray:
    """sRGB [..., 3] in 0..1 of Oklab colours [..., 3]; what lies outside sRGB is cut off."""
    linear = np.clip((lab @ _TO_CONES.T) ** 3 @ _TO_LINEAR.T, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Oklab [..., 3] of sRGB colours [..., 3] in 0..1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ np.linalg.inv(_TO_LINEAR).T)
    return cones @ np.linalg.inv(_TO_CONES).T


def rgb(colour: str) -> tuple[float, float, float]:
    """The three parts, 0..1, of a colour such as "#3f9e77"."""
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


@cache
def table(palette: str, mode: str) -> np.ndarray:
    """The palette as uint8 [256, 3] for a "dark" or "light" ground; row 0 is the lowest value.

    "kinds" has eleven steps: none, then the ten kinds. "lines" has a colour for each of 256 lines, neighbours unlike.
    """
    if palette == "lines":
        return _lines(mode)
    if palette == "kinds":
        colours = np.rint(255 * np.array([rgb(colour) for colour in KINDS[mode]])).astype(np.uint8)
        return colours[np.arange(STEPS) * len(colours) // STEPS]
    stops = np.array(_STOPS[palette] if mode == "dark" else _STOPS[palette][::-1])  # warm and yellow are the pale end
    hue = np.unwrap(np.radians(stops[:, 0]))
    low, high = _LIGHTNESS[mode][palette]
    at, fine = np.linspace(0.0, 1.0, len(stops)), np.linspace(0.0, 1.0, 4096)
    turn = _smooth(fine, at, hue)
    chroma = _smooth(fine, at, stops[:, 1])
    lab = np.stack([low + (high - low) * fine, chroma * np.cos(turn), chroma * np.sin(turn)], axis=-1)
    lab = oklab(srgb(lab))  # measured after the cut to sRGB, so that the steps are equal on the screen
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
    even = np.interp(np.linspace(0.0, walked[-1], STEPS), walked, fine)
    picked = np.stack([np.interp(even, fine, lab[:, k]) for k in range(3)], axis=-1)
    return np.rint(255 * srgb(picked)).astype(np.uint8)


def _lines(mode: str) -> np.ndarray:
    """Hues by the golden angle, so that no two near numbers look alike; lightness in five steps and chroma in three."""
    k = np.arange(STEPS)
    low, high = (0.56, 0.88) if mode == "dark" else (0.38, 0.68)
    lightness = low + (high - low) * ((k * 2) % 5) / 4
    chroma, hue = 0.08 + 0.03 * (k % 3), np.radians(137.508 * k)
    return np.rint(255 * srgb(np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1))).astype(
        np.uint8
    )


def _smooth(x: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Through the stops with continuous slope (cubic Hermite, central differences)."""
    slope = np.gradient(values, at)
    k = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    width = at[k + 1] - at[k]
    t = (x - at[k]) / width
    return (
        (2 * t**3 - 3 * t**2 + 1) * values[k]
        + (t**3 - 2 * t**2 + t) * width * slope[k]
        + (3 * t**2 - 2 * t**3) * values[k + 1]
        + (t**3 - t**2) * width * slope[k + 1]
    )
