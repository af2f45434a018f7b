"""Every error the engine raises on purpose: each says what happened, where, and the way out.

The command line prints the message of a `SwarmError` without a traceback and exits with code 2.
"""

from __future__ import annotations


class SwarmError(Exception):
    """Base of all errors raised on purpose."""


class SettingsError(SwarmError, ValueError):
    """A setting, an option or an argument is unknown, out of range or of the wrong type."""


class SchemaError(SwarmError, ValueError):
    """A component, column, dtype or shape does not fit."""


class ScheduleError(SwarmError, ValueError):
    """The schedule cannot run as it stands, such as a read of a column that nobody writes."""


class StaleError(SwarmError, RuntimeError):
    """A view of a column was used after the barrier that ended its life."""


class DeadError(SwarmError, LookupError):
    """The entity with this id has died, or never lived."""


class CapacityError(SwarmError, MemoryError):
    """More memory was asked for than there is; nothing was allocated."""


class DataError(SwarmError, ValueError):
    """A data set is missing, corrupted or does not fit the networks."""


class SaveError(SwarmError, OSError):
    """A file could not be written, is truncated, or is not ours."""


class BackendError(SwarmError, RuntimeError):
    """The backend that was asked for cannot be used on this machine."""


class NonFiniteError(SwarmError, ArithmeticError):
    """A position, parameter or output is NaN or infinite."""


class ExtraError(SwarmError, ImportError):
    """An optional package that this needs is not installed."""
