# bootreel's commands in every gdb: boot-open, which loads the others when it is first used. A gdb that never uses it is left as it is,
# since bootreel.py sets what a whole machine needs (64-bit addresses, no operating system) and not what a program needs.
import gdb


class BootOpen(gdb.Command):
    """boot-open TRACE [--at POSITION] [--memory SIZE]
Debug a boot that bootreel has recorded: starts bootreel and connects to it."""

    def __init__(self):
        super().__init__("boot-open", gdb.COMMAND_RUNNING, gdb.COMPLETE_FILENAME)

    def invoke(self, args, from_tty):
        gdb.execute("source /usr/share/bootreel/gdb/bootreel.py", from_tty)
        gdb.execute("boot-open " + args, from_tty)


BootOpen()
