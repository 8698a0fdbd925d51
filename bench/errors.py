"""The failures that a user can act on: each is one line that names the flag, file or field and says what to do.

`ConfigError` and `DataError` end a command with exit code 2, as do `methods.base.MethodError` and
`methods.registry.RegistryError`; `StoreError` ends it with 1. Anything else is a bug and keeps its traceback.
"""


class ConfigError(Exception):
    """A setting that cannot be used: one line that names it and says what would be accepted."""


class DataError(Exception):
    """A corpus that cannot be used: one line that names file and line."""


class StoreError(Exception):
    """A file of the run that cannot be read or written: one line that names it and says what to do."""
