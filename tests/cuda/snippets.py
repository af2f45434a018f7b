"""Kernels that are no files, for the tests' device and a card alike."""

from __future__ import annotations

from typing import Any

from swarm.backend import cuda, source
from tests.shim.device import HostDevice, whole


def kernels(device: Any, text: str, **macros: Any) -> dict[str, Any]:
    """The kernels of `text`, which the common header is put in front of, by name."""
    if isinstance(device, HostDevice):
        return device.kernels(text, **macros)
    import cupy
    from cupy.cuda import nvrtc as binding

    from swarm.backend import nvrtc

    options = (*source.OPTIONS, *source.flags(macros), nvrtc._architecture(binding, device.capability))
    module = cupy.cuda.Module()
    module.load(nvrtc._compile(binding, whole(text), "test", options, macros))
    names = source._KERNEL.findall(text)
    return {name: cuda.Kernel(device, module.get_function(name), name) for name in names}
