// The ten activations, as activate_cpu.py: the same bits. Codes are those of swarm.brain.activations.ACTIVATIONS; where
// the code is a constant, the choice costs nothing.

#include "vmath.cuh"

enum Activation { IDENTITY, SIGMOID, TANH, RELU, LEAKYRELU, ELU, GELU, SELU, HARDSHRINK, MISH };

// z tanh(softplus(z)) = z (e^2 + 2e) / (e^2 + 2e + 2) with e = exp(z), cut where it is z to the last place.
template <typename T> INLINE T mish_(T z) {
    const T two = vm::two(z), limit = (T)20;
    const T e = exp_(vm::lower(limit, z));
    const T n = e * (e + two);
    return z > limit ? z : z * (n / (n + two));
}

template <typename T> INLINE T gelu_(T z) {
    return vm::half(z) * z * (vm::one(z) + erf_(z * (T)0.7071067811865476));
}

template <typename T> INLINE T activate_(int code, T z) {
    const T zero = (T)0;
    switch (code) {
        case SIGMOID: return sigmoid_(z);
        case TANH: return tanh_(z);
        case RELU: return vm::upper(zero, z);
        case LEAKYRELU: return z > zero ? z : z * (T)0.01;
        case ELU: return z > zero ? z : expm1_low_(z);
        case GELU: return gelu_(z);
        case SELU: return (z > zero ? z : expm1_low_(z) * (T)1.6732632423543772) * (T)1.0507009873554805;
        case HARDSHRINK: return vm::abs_(z) <= (T)0.5 ? zero : z;
        case MISH: return mish_(z);
        default: return z;
    }
}
