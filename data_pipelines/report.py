"""What could not be used of the files that somebody gave, counted by reason and named."""

import collections

NAMED = 50  # examples of each reason


class Report:
    """What was skipped and why. It stays as small of millions of rows as of a few.

    summary: that of another, to begin with.
    """

    def __init__(self, summary=()):
        self.skipped = collections.defaultdict(list)  # {reason: the first names}
        self._counts = collections.Counter()
        for reason, found in dict(summary).items():
            self._counts[reason], self.skipped[reason] = found["count"], list(found["first"])

    def skip(self, reason, what):
        """Count one row, text or picture."""
        self._counts[reason] += 1
        if len(self.skipped[reason]) < NAMED:
            self.skipped[reason].append(str(what)[:200])

    def add(self, other):
        """Count all that another report has."""
        self._counts += other._counts
        for reason, names in other.skipped.items():
            self.skipped[reason] = [*self.skipped[reason], *names][:NAMED]

    def summary(self):
        """{reason: {"count", "first"}}."""
        return {
            reason: {"count": self._counts[reason], "first": names}
            for reason, names in sorted(self.skipped.items())
        }
