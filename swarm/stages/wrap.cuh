// `x` in [0, side), as move.wrap: never `side` itself, whatever the rounding; NaN where it is not finite.
INLINE float wrap(float x, float side) {
    x = x - side * floorf(x / side);
    x = x < 0.0f ? x + side : x;
    x = x >= side ? x - side : x;
    return x >= 0.0f && x < side ? x : x * 0.0f + 0.0f;
}
