/* terminal.c - terminals: the console and pseudo-terminals, with the line discipline of tty_ioctl(4) and
 * termios(3).
 *
 * The console's input is what was typed; its output goes to the observer, as device 0. */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

struct window {
    uint16_t rows, columns, px, py;
};

ref tty_new(struct host *h)
{
    static const uint8_t cc[] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22};
    ref r = arena_new(h, sizeof(struct terminal)), in = arena_new(h, LINE_SIZE),
        out = arena_new(h, LINE_SIZE);
    ref eofs = arena_new(h, LINE_SIZE / 8);
    if (!r || !in || !out || !eofs)
        return 0;
    struct terminal *tt = TERM(r);
    tt->in = in;
    tt->out = out;
    tt->eofs = eofs;
    tt->iflag = ICRNL | IXON;
    tt->oflag = OPOST | ONLCR;
    tt->cflag = B38400 | CS8 | CREAD | HUPCL;
    tt->lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    memcpy(tt->cc, cc, sizeof cc);
    return r;
}

static void terminal_free(struct host *h, ref r)
{
    struct terminal *tt = TERM(r);
    arena_free(h, tt->in, LINE_SIZE);
    arena_free(h, tt->out, LINE_SIZE);
    arena_free(h, tt->eofs, LINE_SIZE / 8);
    arena_free(h, r, sizeof *tt);
}

/* ---------------------------------------------------------------- output */

/* The console's lines, for events; they are in a page of the arena: lines in progress are state. */
static void console_line(struct host *h, struct terminal *tt)
{
    struct event ev = {.kind = EV_CONSOLE_LINE, .f = {0}, .data = at(h, tt->out), .len = tt->out_len};
    report(h, &ev);
    tt->out_len = 0;
}

static void console_bytes(struct host *h, struct terminal *tt, const uint8_t *p, size_t n)
{
    if (h->base.observer.console)
        h->base.observer.console(h->base.observer.ctx, 0, p, n);
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n' || tt->out_len == LINE_SIZE)
            console_line(h, tt);
        if (p[i] != '\n' && p[i] != '\r')
            ((uint8_t *)at(h, tt->out))[tt->out_len++] = p[i];
    }
}

void tty_flush(struct host *h)
{
    if (h->r.terminal && TERM(h->r.terminal)->out_len)
        console_line(h, TERM(h->r.terminal));
}

static void emit(struct host *h, struct terminal *tt, const uint8_t *p, size_t n)
{
    if (tt->console) {
        console_bytes(h, tt, p, n);
        return;
    }
    for (size_t i = 0; i < n && tt->out_len < LINE_SIZE; i++)
        ((uint8_t *)at(h, tt->out))[tt->out_len++] = p[i];
    source_changed(h, &tt->master, POLLIN);
}

/* One byte with output processing; returns its length in `to`. */
static size_t process(struct terminal *tt, uint8_t c, uint8_t to[8])
{
    size_t n = 0;
    if (!(tt->oflag & OPOST)) {
        to[n++] = c;
        return n;
    }
    if (c == '\n' && tt->oflag & ONLCR) {
        to[n++] = '\r';
        tt->column = 0;
    } else if (c == '\r' && tt->oflag & OCRNL) {
        c = '\n';
    } else if (c == '\t' && (tt->oflag & TABDLY) == XTABS) {
        for (unsigned k = 8 - tt->column % 8; k; k--)
            to[n++] = ' ';
        tt->column += (uint32_t)n;
        return n;
    }
    if (c == '\r')
        tt->column = 0;
    else if (c >= ' ')
        tt->column++;
    to[n++] = c;
    return n;
}

static void echo(struct host *h, struct terminal *tt, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t out[8];
        emit(h, tt, out, process(tt, (uint8_t)s[i], out));
    }
}

static bool in_background(struct host *h, struct task *t, const struct terminal *tt)
{
    const struct group *g = GROUP(t->group);
    return tt->session && tt->session == g->sid && tt->pgrp && tt->pgrp != g->pgid;
}

static int64_t slave_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct terminal *tt = TERM(f->object);
    uint8_t in[256], out[8 * sizeof in];
    if (tt->lflag & TOSTOP && in_background(h, t, tt) && !signal_ignored(h, t, SIGTTOU)) {
        signal_pgrp(h, GROUP(t->group)->pgid, SIGTTOU);
        return wait_for(t, KEY_NEVER, UINT64_MAX);
    }
    if (!tt->console && !tt->masters)
        return -EIO;
    while (t->progress < n) {
        size_t part = n - t->progress < sizeof in ? n - t->progress : sizeof in, made = 0;
        size_t room = tt->console ? sizeof out : (LINE_SIZE - tt->out_len) / 8;
        if (!room)
            return f->flags & O_NONBLOCK ? (t->progress ? (int64_t)t->progress : -EAGAIN)
                                         : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
        part = part < room ? part : room;
        if (get_user(h, t, buf + t->progress, in, part))
            return t->progress ? (int64_t)t->progress : -EFAULT;
        for (size_t i = 0; i < part; i++)
            made += process(tt, in[i], out + made);
        emit(h, tt, out, made);
        t->progress += part;
    }
    return (int64_t)n;
}

/* ---------------------------------------------------------------- input */

static void put_in(struct host *h, struct terminal *tt, uint8_t c, bool eof)
{
    uint8_t *eofs = at(h, tt->eofs);
    ((uint8_t *)at(h, tt->in))[tt->in_len] = c;
    eofs[tt->in_len / 8] =
        (uint8_t)((eofs[tt->in_len / 8] & ~(1u << tt->in_len % 8)) | (unsigned)eof << tt->in_len % 8);
    tt->in_len++;
}

static bool is_eof(struct host *h, const struct terminal *tt, uint32_t i)
{
    return ((uint8_t *)at(h, tt->eofs))[i / 8] >> i % 8 & 1;
}

/* The signal that a character sends, or 0. */
static int signal_of(const struct terminal *tt, uint8_t c)
{
    if (!(tt->lflag & ISIG) || !c)
        return 0;
    return c == tt->cc[VINTR] ? SIGINT : c == tt->cc[VQUIT] ? SIGQUIT : c == tt->cc[VSUSP] ? SIGTSTP : 0;
}

static void echo_char(struct host *h, struct terminal *tt, uint8_t c)
{
    char text[2] = {'^', (char)(c ^ 0x40)};
    if (tt->lflag & ECHOCTL && (c < ' ' || c == 127) && c != '\n' && c != '\t')
        echo(h, tt, text, 2);
    else
        echo(h, tt, (char *)&c, 1);
}

static void erase(struct host *h, struct terminal *tt)
{
    if (tt->in_len == tt->in_done)
        return;
    uint8_t c = ((uint8_t *)at(h, tt->in))[--tt->in_len];
    if (tt->lflag & ECHO && tt->lflag & ECHOE)
        echo(h, tt, "\b \b\b \b", tt->lflag & ECHOCTL && c < ' ' && c != '\t' ? 6 : 3);
}

/* A character in canonical mode. */
static void edit(struct host *h, struct terminal *tt, uint8_t c)
{
    if (c == tt->cc[VERASE] || (c == '\b' && tt->cc[VERASE] == 127)) {
        erase(h, tt);
    } else if (c == tt->cc[VKILL]) {
        while (tt->in_len > tt->in_done)
            erase(h, tt);
    } else if (c == '\n' || (c && (c == tt->cc[VEOF] || c == tt->cc[VEOL]))) {
        bool eof = c == tt->cc[VEOF];
        if (!eof && tt->lflag & (ECHO | ECHONL))
            echo_char(h, tt, c);
        put_in(h, tt, c, eof);
        tt->in_done = tt->in_len;
        source_changed(h, &tt->source, POLLIN);
    } else if (tt->in_len < LINE_SIZE - 1) {
        if (tt->lflag & ECHO)
            echo_char(h, tt, c);
        put_in(h, tt, c, false);
    }
}

static void typed(struct host *h, struct terminal *tt, uint8_t c)
{
    int sig = signal_of(tt, c);
    if (tt->iflag & ISTRIP)
        c &= 0x7f;
    if (c == '\r' && tt->iflag & IGNCR)
        return;
    if (c == '\r' && tt->iflag & ICRNL)
        c = '\n';
    else if (c == '\n' && tt->iflag & INLCR)
        c = '\r';
    if (sig) {
        if (!(tt->lflag & NOFLSH))
            tt->in_len = tt->in_done = 0;
        if (tt->lflag & ECHO)
            echo_char(h, tt, c);
        if (tt->pgrp)
            signal_pgrp(h, tt->pgrp, sig);
    } else if (tt->lflag & ICANON) {
        edit(h, tt, c);
    } else if (tt->in_len < LINE_SIZE) {
        if (tt->lflag & ECHO)
            echo_char(h, tt, c);
        put_in(h, tt, c, false);
        tt->in_done = tt->in_len;
        source_changed(h, &tt->source, POLLIN);
    }
}

uint32_t tty_typed(struct host *h, struct terminal *tt, const uint8_t *in, uint32_t n)
{
    uint32_t taken = 0;
    for (; taken < n && tt->in_len < LINE_SIZE - 1; taken++)
        typed(h, tt, in[taken]);
    return taken;
}

/* How many bytes a read gets: a line in canonical mode; *skip is 1 if its end-of-file is not handed over. */
static uint32_t readable(struct host *h, const struct terminal *tt, size_t n, uint32_t *skip)
{
    uint32_t i = 0;
    *skip = 0;
    if (!(tt->lflag & ICANON))
        return n < tt->in_len ? (uint32_t)n : tt->in_len;
    for (; i < tt->in_done && i < n; i++) {
        uint8_t c = ((uint8_t *)at(h, tt->in))[i];
        if (is_eof(h, tt, i)) {
            *skip = 1;
            return i;
        }
        if (c == '\n' || (c && c == tt->cc[VEOL]))
            return i + 1;
    }
    return i;
}

static void consume(struct host *h, struct terminal *tt, uint32_t n)
{
    uint8_t *in = at(h, tt->in);
    bool ends[LINE_SIZE];
    for (uint32_t i = n; i < tt->in_len; i++)
        ends[i - n] = is_eof(h, tt, i);
    uint32_t len = tt->in_len - n, done = tt->in_done > n ? tt->in_done - n : 0;
    memmove(in, in + n, len);
    tt->in_len = 0;
    for (uint32_t i = 0; i < len; i++)
        put_in(h, tt, in[i], ends[i]);
    tt->in_done = done;
}

static bool has_input(const struct terminal *tt)
{
    return tt->lflag & ICANON ? tt->in_done : tt->in_len;
}

static int64_t slave_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct terminal *tt = TERM(f->object);
    uint32_t skip;
    if (in_background(h, t, tt)) {
        if (signal_ignored(h, t, SIGTTIN))
            return -EIO;
        signal_pgrp(h, GROUP(t->group)->pgid, SIGTTIN);
        return wait_for(t, KEY_NEVER, UINT64_MAX);
    }
    bool enough = has_input(tt) && (tt->lflag & ICANON || tt->in_len >= tt->cc[VMIN] || tt->in_len >= n);
    if (!enough && !tt->console && !tt->masters)
        return 0;
    if (!enough && !(tt->lflag & ICANON) && !tt->cc[VMIN] && !tt->in_len) {
        if (!tt->cc[VTIME] || (t->again && timed_out(h, t)))
            return 0;
        return wait_for(t, KEY_OBJECT(f->object), deadline_after(h, t, tt->cc[VTIME] * 100000000ull));
    }
    if (!enough)
        return f->flags & O_NONBLOCK ? (tt->in_len && !(tt->lflag & ICANON) ? -EAGAIN : -EAGAIN)
                                     : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
    uint32_t part = readable(h, tt, n, &skip);
    if (part && put_user(h, t, buf, at(h, tt->in), part))
        return -EFAULT;
    consume(h, tt, part + skip);
    if (tt->masters)
        source_changed(h, &tt->master, POLLOUT);
    return part;
}

/* ---------------------------------------------------------------- the master of a pseudo-terminal */

static int64_t master_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct terminal *tt = TERM(f->object);
    if (!tt->out_len && !tt->slaves && tt->stopped)
        return -EIO; /* the slave was open, and is no more */
    if (!tt->out_len)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
    uint32_t part = n < tt->out_len ? (uint32_t)n : tt->out_len;
    uint8_t *out = at(h, tt->out);
    if (put_user(h, t, buf, out, part))
        return -EFAULT;
    memmove(out, out + part, tt->out_len - part);
    tt->out_len -= part;
    source_changed(h, &tt->source, POLLOUT);
    return part;
}

static int64_t master_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    struct terminal *tt = TERM(f->object);
    uint8_t in[256];
    while (t->progress < n) {
        size_t part = n - t->progress < sizeof in ? n - t->progress : sizeof in;
        if (get_user(h, t, buf + t->progress, in, part))
            return t->progress ? (int64_t)t->progress : -EFAULT;
        uint32_t taken = tty_typed(h, tt, in, (uint32_t)part);
        t->progress += taken;
        if (taken < part)
            return f->flags & O_NONBLOCK ? (t->progress ? (int64_t)t->progress : -EAGAIN)
                                         : wait_for(t, KEY_OBJECT(f->object), UINT64_MAX);
    }
    return (int64_t)n;
}

int64_t tty_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    return n ? (f->end ? master_read : slave_read)(h, t, f, buf, n) : 0;
}
int64_t tty_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n)
{
    return (f->end ? master_write : slave_write)(h, t, f, buf, n);
}

unsigned tty_poll(struct host *h, struct file *f)
{
    const struct terminal *tt = TERM(f->object);
    if (f->end)
        return (tt->out_len ? POLLIN | POLLRDNORM : 0) |
               (tt->in_len < LINE_SIZE - 1 ? POLLOUT | POLLWRNORM : 0) |
               (!tt->slaves && tt->stopped ? POLLHUP : 0);
    bool gone = !tt->console && !tt->masters;
    return (has_input(tt) || gone ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM | (gone ? POLLHUP : 0);
}

/* ---------------------------------------------------------------- opening and closing */

void tty_close(struct host *h, struct file *f)
{
    struct terminal *tt = TERM(f->object);
    char name[16];
    *(f->end ? &tt->masters : &tt->slaves) -= 1;
    if (!tt->console)
        source_changed(h, f->end ? &tt->source : &tt->master, POLLHUP);
    if (f->end && !tt->masters) {
        char path[32];
        snprintf(path, sizeof path, "/dev/pts");
        int64_t dir = path_walk(h, NULL, AT_FDCWD, path, 0, NULL);
        snprintf(name, sizeof name, "%u", tt->number);
        if (dir > 0) {
            folder_remove(h, INODE((ref)dir), name);
            inode_drop(h, (ref)dir);
        }
        if (tt->pgrp)
            signal_pgrp(h, tt->pgrp, SIGHUP);
    }
    if (!--tt->refs && !tt->console) {
        for (ref g = h->r.groups; g; g = GROUP(g)->next)
            if (GROUP(g)->terminal == f->object)
                GROUP(g)->terminal = 0;
        terminal_free(h, f->object);
    }
}

static void attach(struct host *h, struct file *f, ref r, bool master)
{
    struct terminal *tt = TERM(r);
    f->object = r;
    f->end = master;
    tt->refs++;
    *(master ? &tt->masters : &tt->slaves) += 1;
    if (!master)
        tt->stopped = 1; /* the slave was open once */
}

static int open_master(struct host *h, struct file *f)
{
    char name[16];
    int64_t dir = path_walk(h, NULL, AT_FDCWD, "/dev/pts", 0, NULL);
    ref r = dir < 0 ? 0 : tty_new(h), i = r ? inode_new(h, INODE_DEVICE, S_IFCHR | 0620) : 0;
    if (dir > 0)
        inode_drop(h, (ref)dir);
    if (!i)
        return -ENOSPC;
    TERM(r)->number = h->r.next_pty++;
    TERM(r)->locked = 1;
    INODE(i)->device = 0x8800 + TERM(r)->number;
    INODE(i)->data = r;
    snprintf(name, sizeof name, "%u", TERM(r)->number);
    folder_add(h, INODE((ref)dir), name, i);
    INODE(i)->parent = (ref)dir;
    inode_drop(h, i);
    attach(h, f, r, true);
    return 0;
}

/* A session leader without a terminal gets the one that it opens. */
static void make_controlling(struct host *h, struct task *t, ref r)
{
    struct group *g = GROUP(t->group);
    if (g->sid != g->pid || g->terminal || TERM(r)->session)
        return;
    g->terminal = r;
    TERM(r)->session = g->sid;
    TERM(r)->pgrp = g->pgid;
}

int tty_open_device(struct host *h, struct task *t, struct file *f, uint32_t device)
{
    ref r = device == 0x500 ? GROUP(t->group)->terminal : device == 0x501 ? h->r.terminal : 0;
    if (device == 0x502)
        return open_master(h, f);
    if (device == 0x500 && !r)
        return -ENXIO;
    if (device >= 0x8800 && device < 0x8900 + 0x10000)
        r = INODE(f->inode)->data;
    if (device >= 0x8800 && (!r || TERM(r)->locked))
        return -EIO;
    if (device == 0x400)
        return -ENXIO;
    if (!r)
        return 0; /* /dev/null and the like have no object */
    attach(h, f, r, false);
    if (!(f->flags & O_NOCTTY) && device != 0x500)
        make_controlling(h, t, r);
    return 0;
}

/* ---------------------------------------------------------------- ioctl */

static int get_termios(struct host *h, struct task *t, const struct terminal *tt, uint64_t arg)
{
    struct termios k = {tt->iflag, tt->oflag, tt->cflag, tt->lflag, tt->line, {0}};
    memcpy(k.c_cc, tt->cc, sizeof k.c_cc);
    return put_user(h, t, arg, &k, sizeof k);
}

static int set_termios(struct host *h, struct task *t, struct terminal *tt, uint64_t arg, bool flush)
{
    struct termios k;
    if (get_user(h, t, arg, &k, sizeof k))
        return -EFAULT;
    tt->iflag = k.c_iflag;
    tt->oflag = k.c_oflag;
    tt->cflag = k.c_cflag;
    tt->lflag = k.c_lflag;
    tt->line = k.c_line;
    memcpy(tt->cc, k.c_cc, sizeof k.c_cc);
    if (flush)
        tt->in_len = tt->in_done = 0;
    else if (!(tt->lflag & ICANON))
        tt->in_done = tt->in_len;
    return 0;
}

static int set_pgrp(struct host *h, struct task *t, struct terminal *tt, uint64_t arg)
{
    int32_t pgrp;
    if (get_user(h, t, arg, &pgrp, 4))
        return -EFAULT;
    if (tt->session != GROUP(t->group)->sid)
        return -ENOTTY;
    if (pgrp < 0)
        return -EINVAL;
    tt->pgrp = pgrp;
    return 0;
}

static int set_window(struct host *h, struct task *t, struct terminal *tt, uint64_t arg)
{
    struct window w;
    if (get_user(h, t, arg, &w, sizeof w))
        return -EFAULT;
    bool same = w.rows == tt->rows && w.columns == tt->columns;
    tt->rows = w.rows;
    tt->columns = w.columns;
    tt->px = w.px;
    tt->py = w.py;
    if (!same && tt->pgrp)
        signal_pgrp(h, tt->pgrp, SIGWINCH);
    return 0;
}

static int put_number(struct host *h, struct task *t, uint64_t arg, int32_t n)
{
    return put_user(h, t, arg, &n, 4);
}

static int64_t job_ioctl(struct host *h, struct task *t, struct terminal *tt, ref self, uint32_t request,
                         uint64_t arg)
{
    struct group *g = GROUP(t->group);
    switch (request) {
    case TIOCGPGRP:
        return g->terminal == self ? put_number(h, t, arg, tt->pgrp) : -ENOTTY;
    case TIOCSPGRP:
        return set_pgrp(h, t, tt, arg);
    case TIOCGSID:
        return g->terminal == self ? put_number(h, t, arg, tt->session) : -ENOTTY;
    case TIOCSCTTY:
        if (g->sid != g->pid || (g->terminal && g->terminal != self))
            return -EPERM;
        if (tt->session && tt->session != g->sid)
            return -EPERM;
        make_controlling(h, t, self);
        return 0;
    case TIOCNOTTY:
        if (g->terminal != self)
            return -ENOTTY;
        g->terminal = 0;
        if (g->sid == g->pid)
            tt->session = tt->pgrp = 0;
        return 0;
    default:
        return -ENOTTY;
    }
}

static int64_t master_ioctl(struct host *h, struct task *t, struct terminal *tt, uint32_t request,
                            uint64_t arg)
{
    int32_t n;
    switch (request) {
    case TIOCGPTN:
        return put_number(h, t, arg, (int32_t)tt->number);
    case TIOCSPTLCK:
        if (get_user(h, t, arg, &n, 4))
            return -EFAULT;
        tt->locked = n != 0;
        return 0;
    case TIOCGPTLCK:
        return put_number(h, t, arg, (int32_t)tt->locked);
    default:
        return -ENOTTY;
    }
}

int64_t tty_ioctl(struct host *h, struct task *t, struct file *f, uint32_t request, uint64_t arg)
{
    struct terminal *tt = TERM(f->object);
    const struct window w = {tt->rows, tt->columns, tt->px, tt->py};
    switch (request) {
    case TCGETS:
        return get_termios(h, t, tt, arg);
    case TCSETS:
    case TCSETSW:
        return set_termios(h, t, tt, arg, false);
    case TCSETSF:
        return set_termios(h, t, tt, arg, true);
    case TIOCGWINSZ:
        return put_user(h, t, arg, &w, sizeof w);
    case TIOCSWINSZ:
        return set_window(h, t, tt, arg);
    case TCFLSH:
        if (arg != TCOFLUSH)
            tt->in_len = tt->in_done = 0;
        return 0;
    case TCSBRK:
    case TCXONC:
    case TCSBRKP:
        return 0; /* output is never held up */
    case TIOCINQ:
        return put_number(h, t, arg, (int32_t)(f->end ? tt->out_len : has_input(tt) ? tt->in_done : 0));
    case TIOCOUTQ:
        return put_number(h, t, arg, 0);
    default: {
        int64_t rc = f->end ? master_ioctl(h, t, tt, request, arg) : -ENOTTY;
        return rc == -ENOTTY ? job_ioctl(h, t, tt, f->object, request, arg) : rc;
    }
    }
}
