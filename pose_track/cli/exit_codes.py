"""The exit codes of the commands, besides 0."""

EXIT_ERROR = 2
EXIT_SIGNAL = 128  # plus the number of the signal that ended a program, as a shell reports it
EXIT_INTERRUPTED = 130  # as a shell reports Ctrl-C
EXIT_BROKEN_PIPE = 141  # as a shell reports a program whose output nobody reads
