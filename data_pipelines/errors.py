"""The exceptions that reach the user as a sentence instead of a traceback."""


class UserError(Exception):
    """A fault that the user can mend; the message is one sentence with what to do."""


class Resumable(UserError):
    """What was done until then is kept, and the mended command goes on with it."""


class Damaged(UserError):
    """Of one record, which cannot be read."""
