"""Every error a user can meet, as one tree.

    StreamLLIEError
    ├── SourceError              the input cannot be opened, decoded or understood
    │   └── NothingSent          it waits to be called, and nobody has sent a picture yet
    ├── SinkError                the output cannot be written
    │   ├── OutputExists         and --overwrite was not given
    │   └── FrameCountMismatch   fewer or more frames came out than went in
    ├── ModelError               a model file is damaged or is not one of ours
    │   ├── ModelNotFound        no such name on the shelf, no such file
    │   └── NoDeepGraph          it is for 8 bits alone, and this video has more
    └── BackendError             a runtime failed
        ├── BackendMissing       the runtime, or the device that it needs, is not there
        ├── OutOfMemory          the GPU has no room left
        └── EngineUnusable       an engine file is torn, foreign, or made for something else

Each text names the thing, the value and the way out, in one sentence. The command line prints it and exits with 1.
"""


class StreamLLIEError(Exception):
    """Base of all errors that this package raises on purpose."""


class SourceError(StreamLLIEError):
    """The input cannot be opened, decoded or understood."""


class NothingSent(SourceError):
    """A source that waits to be called has been sent no picture yet."""


class SinkError(StreamLLIEError):
    """The output cannot be written."""


class OutputExists(SinkError):
    """The output file is already there and overwriting was not asked for."""


class FrameCountMismatch(SinkError):
    """The number of frames written is not the number of frames read."""


class ModelError(StreamLLIEError):
    """A model file is damaged or does not keep the contract."""


class ModelNotFound(ModelError):
    """No model of that name is on the shelf, and no such file exists."""


class NoDeepGraph(ModelError):
    """The model runs on video of 8 bits alone, and this one has more."""


class BackendError(StreamLLIEError):
    """A runtime could not open or run a model."""


class BackendMissing(BackendError):
    """The runtime that was asked for, or the device that it needs, is not there."""


class OutOfMemory(BackendError):
    """The GPU has not enough memory left."""


class EngineUnusable(BackendError):
    """An engine file is torn, or made by or for something else than what is here."""
