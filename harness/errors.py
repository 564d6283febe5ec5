"""The one exception type whose message is written for the person at the keyboard."""


class HarnessError(Exception):
    """Something the user can mend: the message names what was looked for, where, and the remedy.

    Raised at the edges (files, models, options). The pytest plug-in turns it into a usage error
    (exit status 4), the command line into one paragraph on standard error (exit status 4).
    """
