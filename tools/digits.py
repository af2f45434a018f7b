"""Write assets/data/digits.npz from scikit-learn's copy of the UCI digits.

pip install scikit-learn && python tools/digits.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "assets" / "data" / "digits.npz"


def main() -> None:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    x = np.asarray(bunch.data).astype(np.uint8)  # 0..16 dots per pixel, row by row
    y = np.asarray(bunch.target).astype(np.uint8)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(TARGET, x=x, y=y)
    print(f"{TARGET.name}: x {x.shape}, y {y.shape}, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
