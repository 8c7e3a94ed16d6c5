"""When something is due."""


def due(done, every, total):
    """Whether it is after `done` steps of `total`: every so many, and at the end; 0: then alone."""
    return done == total or bool(every) and done % every == 0
