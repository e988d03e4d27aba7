/* script.c - scripts: the files that shells open to read. See impl.h.
 *
 * /etc/rc does not execute the scripts of /etc/rc.d: a subshell of it reads each. Neither that subshell nor the file is to
 * be seen in any other event than the opening of the file by a shell, which kern_openat gets from every way to open one.
 */
#include "core/systems/freebsd/private/impl.h"

/* sys/fcntl.h: the same in all versions. */
enum { ACCESS_MODES = 3, READ_ONLY = 0, DIRECTORY = 0x20000 };

/* The kernel's name of a process whose script has an interpreter is that of the interpreter. */
static bool is_shell(const char *comm)
{
    static const char *const names[] = {"sh", "csh", "tcsh", "ksh", "mksh", "bash", "dash", "zsh"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(comm, names[i]))
            return true;
    return false;
}

/* kern_openat(td, directory, path, whose memory it is in, flags, mode) */
static void open_begins(struct fb_guest *fb, struct hook_frame *f)
{
    uint32_t flags = (uint32_t)base_argument(&fb->base, 4);
    f->value[0] = (flags & (ACCESS_MODES | DIRECTORY)) == READ_ONLY ? base_argument(&fb->base, 0) : 0;
    f->value[1] = base_argument(&fb->base, 2);
}

/* The path is in memory now, if it was not when the call began. Devices are no scripts: a shell gives /dev/null to what it
 * runs in the background. */
static void open_ends(struct fb_guest *fb, const struct hook_frame *f)
{
    const struct fb_process *p = f->value[0] ? fb_process_of(fb, f->value[0]) : NULL;
    char path[1024];
    if (!p || !is_shell(p->comm) || (uint32_t)fb_reg(fb, GUEST_RAX))
        return;
    if (fb_string(fb, f->value[1], path, sizeof path) && strncmp(path, "/dev/", 5) != 0)
        GUEST_EMIT(fb, EV_PROCESS_SCRIPT, path, p->pid, p->parent);
}

void fb_script_setup(struct fb_guest *fb)
{
    if (base_wants(&fb->base, EC_PROCESS))
        fb_hook_needed(fb, "kern_openat", open_begins, open_ends);
}
