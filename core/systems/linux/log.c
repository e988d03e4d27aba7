/* log.c - what programs say to the kernel's log and to the system's journal, and what the kernel says when it
 * panics. See impl.h.
 *
 * A program writes to the kernel's log through /dev/kmsg: the message then passes through printk's functions,
 * with a facility other than the kernel's. It writes to the journal with sendmsg(2): a datagram of fields,
 * one NAME=value per line (systemd, "Native Journal Protocol"). Both are stable interfaces.
 */
#include <ctype.h>
#include <stdlib.h>

#include "core/systems/linux/private/format.h"
#include "core/systems/linux/private/impl.h"

/* ---------------------------------------------------------------- variable arguments
 * System V ABI for AMD64, 3.5.7; for the 80386: all are on the stack. */

struct arguments {
    struct linux_guest *lx;
    unsigned used;      /* of those in registers */
    uint64_t next, end; /* where a va_list has those that were in registers */
    uint64_t stack;     /* address of the next one on the stack */
};

enum { IN_REGISTERS = 6 };

static bool take_value(struct arguments *a, uint64_t *address, unsigned bytes, uint64_t *value)
{
    *value = 0;
    bool good = lx_read(a->lx, *address, value, bytes);
    *address += bytes;
    return good;
}

static bool next_argument(void *ctx, unsigned bytes, uint64_t *value)
{
    struct arguments *a = ctx;
    bool good = true;
    if (a->lx->base.word == 4)
        return take_value(a, &a->stack, bytes, value);
    if (a->used < IN_REGISTERS)
        *value = lx_argument(a->lx, a->used++);
    else
        good = take_value(a, a->next < a->end ? &a->next : &a->stack, 8, value);
    if (bytes == 4)
        *value &= UINT32_MAX;
    return good;
}

static bool read_text(void *ctx, uint64_t address, char *buf, size_t size)
{
    struct arguments *a = ctx;
    uint8_t byte;
    if (!lx_read(a->lx, address, &byte, 1))
        return false;
    lx_string(a->lx, address, buf, size);
    return true;
}

static void name_of(void *ctx, uint64_t address, char *buf, size_t size)
{
    base_name(&((struct arguments *)ctx)->lx->base, address, buf, size);
}

/* The arguments of a variadic function that was just entered, after the first. */
static struct arguments entered(struct linux_guest *lx)
{
    /* Above the return address; in a 32-bit kernel the first argument is there as well. */
    return (struct arguments){.lx = lx, .used = 1, .stack = lx_reg(lx, GUEST_RSP) + 8};
}

/* The arguments of a va_list. */
static struct arguments of_list(struct linux_guest *lx, uint64_t list)
{
    enum { REGISTERS_END = 48 };
    if (lx->base.word == 4)
        return (struct arguments){.lx = lx, .stack = list};
    uint64_t save = lx_u64(lx, list + 16);
    return (struct arguments){.lx = lx,
                              .used = IN_REGISTERS,
                              .next = save + lx_u32(lx, list),
                              .end = save + REGISTERS_END,
                              .stack = lx_u64(lx, list + 8)};
}

/* ---------------------------------------------------------------- panic */

static void panics(struct linux_guest *lx, struct hook_frame *f)
{
    char format[256];
    struct text t = {0};
    struct arguments a = entered(lx);
    const struct format_source src = {
        .ctx = &a, .word = lx->base.word, .next = next_argument, .string = read_text, .name = name_of};
    lx_string(lx, lx_stack_argument(lx, 0), format, sizeof format);
    guest_format(&t, format, &src);
    while (t.n && t.s[t.n - 1] == '\n')
        t.s[--t.n] = 0;
    GUEST_EMIT(lx, EV_KERNEL_PANIC, t.s, lx_current_pid(lx));
    free(t.s);
    const uint64_t timeout = lx_symbol(
        lx, "panic_timeout"); /* int, kernel/panic.c; a kernel without names of data does not tell */
    if (timeout)
        GUEST_EMIT(lx, EV_PANIC_TIMEOUT, NULL, (uint64_t)(int64_t)(int32_t)lx_u32(lx, timeout));
}

/* ---------------------------------------------------------------- messages */

/* Reports a message without its line end, and without "NAME[PID]: ", which the event already has. */
static void say(struct linux_guest *lx, unsigned level, char *text)
{
    char number[24];
    uint64_t task = lx_current(lx);
    uint32_t pid = lx_pid(lx, task);
    text[strcspn(text, "\n")] = 0;
    snprintf(number, sizeof number, "[%u]: ", pid);
    char *at = strstr(text, number);
    if (at && !memchr(text, ' ', (size_t)(at - text)))
        text = at + strlen(number);
    if (*text)
        GUEST_EMIT(lx, EV_PROCESS_LOG, text, level, pid, lx_tgid(lx, task));
}

/* vprintk_emit(facility, level, dev_info, format, args), asmlinkage */
static void printed(struct linux_guest *lx, struct hook_frame *f)
{
    char format[8], text[1024];
    uint64_t value;
    if (!(lx_stack_argument(lx, 0) & UINT32_MAX)) /* the kernel's own */
        return;
    struct arguments a = of_list(lx, lx_stack_argument(lx, 4));
    lx_string(lx, lx_stack_argument(lx, 3), format, sizeof format);
    if (strcmp(format, "%s") || !next_argument(&a, lx->base.word, &value))
        return;
    lx_string(lx, value, text, sizeof text);
    say(lx, (unsigned)lx_stack_argument(lx, 1) & 7, text);
}

/* The value of a field in the datagram, or NULL. */
static char *field(char *text, const char *name)
{
    size_t n = strlen(name);
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, name, n))
            return line + n;
    }
    return NULL;
}

static bool is_journal(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return n > 1 && text[n] == '=' && isupper((unsigned char)text[0]);
}

enum { PIECES = 64, DATAGRAM = 4096, MSG_CMSG_COMPAT = 0x80000000u };

/* Reads the first bytes of the datagram of the program's struct msghdr (words of 8 or 4 bytes), as text,
 * which the journal's fields are. */
static void datagram(struct linux_guest *lx, uint64_t msghdr, unsigned word, char out[DATAGRAM])
{
    uint64_t head[4] = {0}, piece[2];
    size_t len = 0;
    for (unsigned i = 0; i < 4; i++) /* name, its length, pieces, their number */
        lx_read(lx, msghdr + i * word, &head[i], word);
    for (uint64_t i = 0; i < head[3] && i < PIECES && len < DATAGRAM - 1; i++) {
        piece[0] = piece[1] = 0;
        if (!lx_read(lx, head[2] + 2 * word * i, &piece[0], word) ||
            !lx_read(lx, head[2] + 2 * word * i + word, &piece[1], word))
            break;
        size_t part = piece[1] < DATAGRAM - 1 - len ? piece[1] : DATAGRAM - 1 - len;
        lx_read(lx, piece[0], out + len, part);
        len += part;
        out[len] = 0;
        if (!i && !is_journal(out))
            return;
    }
}

/* __sys_sendmsg(descriptor, msghdr, flags…): which all of these calls end up in. */
static void sends(struct linux_guest *lx, struct hook_frame *f)
{
    char text[DATAGRAM] = "";
    unsigned word = lx_argument(lx, 2) & MSG_CMSG_COMPAT ? 4 : lx->base.word;
    datagram(lx, lx_argument(lx, 1), word, text);
    if (!is_journal(text))
        return;
    char *message = field(text, "MESSAGE="), *level = field(text, "PRIORITY=");
    if (message)
        say(lx, level ? (unsigned)(*level - '0') & 7 : 6, message);
}

void lx_log_setup(struct linux_guest *lx)
{
    if (base_wants(&lx->base, EC_KERNEL))
        lx_hook(lx, "panic", panics, NULL);
    if (!base_wants(&lx->base, EC_PROCESS))
        return;
    if (!lx_hook(lx, "vprintk_emit", printed, NULL))
        base_missing(&lx->base, "vprintk_emit");
    if (!lx_hook(lx, "__sys_sendmsg", sends, NULL))
        base_missing(&lx->base, "__sys_sendmsg");
}
