# bootreel's commands in every gdb: boot-open, which loads the others when it is first used. A gdb that never uses it is left as it is,
# since bootreel.py sets what a whole machine needs (64-bit addresses, no operating system) and not what a program needs. Where the package was
# removed but not purged, this file is still there.
import os

import gdb


class BootOpen(gdb.Command):
    """boot-open TRACE [--at POSITION] [--memory SIZE] [--debug-info FOLDER|FILE|debuginfod]… [--source OLD=NEW]…
Debug a boot that bootreel has recorded: starts bootreel and connects to it."""

    SCRIPT = "/usr/share/bootreel/gdb/bootreel.py"

    def __init__(self):
        super().__init__("boot-open", gdb.COMMAND_RUNNING, gdb.COMPLETE_FILENAME)

    def invoke(self, args, from_tty):
        try:
            gdb.execute("source " + self.SCRIPT, from_tty)
            gdb.execute("boot-open " + args, from_tty)
        except gdb.error as e:
            raise gdb.GdbError(str(e))  # one line, instead of gdb's own words on an exception


if os.path.exists(BootOpen.SCRIPT):
    BootOpen()
