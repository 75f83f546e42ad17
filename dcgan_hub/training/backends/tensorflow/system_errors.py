"""What errors of TensorFlow mean."""

import tensorflow as tf

SYSTEM_ERRORS = (tf.errors.OpError,)
ONEDNN_OUT_OF_MEMORY = "Status: 1, message: could not"  # create a primitive, or execute it
COLLECTIVE = "Collective ops is aborted by"  # TensorFlow's message if a worker is lost
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether networks and batch do not fit into memory."""
    if isinstance(error, tf.errors.AbortedError):
        return ONEDNN_OUT_OF_MEMORY in str(error)
    return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)


def is_nondeterministic(error: BaseException) -> bool:
    """Whether an operation has no deterministic kernel."""
    return isinstance(error, tf.errors.UnimplementedError) and "eterminis" in str(error)


def is_lost_worker(error: BaseException) -> bool:
    """Whether another worker no longer responds."""
    if is_out_of_memory(error):
        return False
    return isinstance(error, tf.errors.OpError) and (isinstance(error, LOST) or COLLECTIVE in str(error))


def describe_lost_worker(error: BaseException) -> str:
    """TensorFlow's reason, the line of its message that has one."""
    lines = [line for line in str(error).splitlines() if COLLECTIVE in line]
    return (lines or [str(error)])[0].partition(COLLECTIVE)[2].strip(" :.") or str(error)
