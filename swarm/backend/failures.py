"""What goes wrong on a card, in our words: out of memory, a kernel outside of its memory, a card that is lost.

Errors of CUDA are told by the names of their classes and by the codes in their texts, so that nothing is imported.
"""

from __future__ import annotations

from typing import Any

from swarm.backend.memory import human
from swarm.errors import BackendError, CapacityError

_CLASSES = {"CUDARuntimeError", "CUDADriverError"}
_NO_MEMORY = ("cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY")

# what the runtime and, with other names, the driver report when a kernel ran wild
_OUTSIDE = (
    "cudaErrorIllegalAddress", "CUDA_ERROR_ILLEGAL_ADDRESS",
    "cudaErrorMisalignedAddress", "CUDA_ERROR_MISALIGNED_ADDRESS",
    "cudaErrorInvalidAddressSpace", "CUDA_ERROR_INVALID_ADDRESS_SPACE",
    "cudaErrorInvalidPc", "CUDA_ERROR_INVALID_PC",
)  # fmt: skip
# other errors after which nothing works in this process
_LOST = (
    "cudaErrorLaunchFailure", "CUDA_ERROR_LAUNCH_FAILED",
    "cudaErrorLaunchTimeout", "CUDA_ERROR_LAUNCH_TIMEOUT",
    "cudaErrorHardwareStackError", "CUDA_ERROR_HARDWARE_STACK_ERROR",
    "cudaErrorIllegalInstruction", "CUDA_ERROR_ILLEGAL_INSTRUCTION",
    "cudaErrorECCUncorrectable", "CUDA_ERROR_ECC_UNCORRECTABLE",
    "cudaErrorDevicesUnavailable", "CUDA_ERROR_DEVICE_UNAVAILABLE",
    "cudaErrorContextIsDestroyed", "CUDA_ERROR_CONTEXT_IS_DESTROYED",
    "cudaErrorNoDevice", "CUDA_ERROR_NO_DEVICE",
    "cudaErrorUnknown", "CUDA_ERROR_UNKNOWN",
)  # fmt: skip


def explain(device: Any, error: Exception) -> Exception | None:
    """Our error for one of CUDA; None for any other. Marks the device as lost where it is."""
    text = str(error)
    code = text.partition(":")[0]
    if isinstance(error, device.xp.cuda.memory.OutOfMemoryError) or (_ours(error) and code in _NO_MEMORY):
        return _no_memory(device, text)
    if not _ours(error):
        return None
    if code in _OUTSIDE or code in _LOST:
        what = "a kernel read or wrote outside of its memory" if code in _OUTSIDE else "the card was lost"
        device.lost = (
            f"CUDA: {what} ({code}). What was on the card is gone, and this process cannot use it again; the last "
            "saved file stands. Remedy: start anew, from that file with swarm.World.load(path)."
        )
        return BackendError(device.lost)
    return BackendError(f"CUDA: {text}. Remedy: swarm info looks at driver, CuPy and card.")


def _ours(error: Exception) -> bool:
    return type(error).__name__ in _CLASSES


def _no_memory(device: Any, text: str) -> CapacityError:
    free, total = device.memory()
    return CapacityError(
        f"The card is out of memory: {text.removesuffix('.')}; {human(free)} of {human(total)} are free. Remedy: fewer "
        "agents, brains in bfloat16, or end the other programs that nvidia-smi lists."
    )
