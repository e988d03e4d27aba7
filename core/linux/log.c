/* log.c - what programs say to the kernel's log and to the system's journal, and what the kernel says when it panics. See impl.h.
 *
 * A program's message comes to the kernel's log through /dev/kmsg: printk's own functions get it, with a facility other than the
 * kernel's. To the journal it goes as a datagram of fields, NAME=value a line (systemd, "Native Journal Protocol"), by sendmsg(2). Both ways
 * are interfaces that do not change.
 */
#include <ctype.h>
#include <stdlib.h>

#include "core/linux/format.h"
#include "core/linux/impl.h"

/* ---------------------------------------------------------------- arguments */

/* Those of a variadic function or of a va_list. In 64-bit code: System V ABI for AMD64, 3.2.3 and 3.5.7. In 32-bit
 * code variadic functions have all on the stack, and a va_list is a pointer into it. */
struct arguments {
    struct linux_guest *lx;
    bool in_registers; /* the first are, of which `used` were taken */
    unsigned used;
    uint64_t next, end; /* where the registers' part of a list is, then the stack's */
    uint64_t stack;
};

static bool take(struct arguments *a, uint64_t *address, unsigned bytes, uint64_t *value)
{
    *value = 0;
    bool good = lx_read(a->lx, *address, value, bytes);
    *address += bytes;
    return good;
}

static bool next_argument(void *ctx, unsigned bytes, uint64_t *value)
{
    static const enum lx_reg regs[] = {LX_RDI, LX_RSI, LX_RDX, LX_RCX, LX_R8, LX_R9};
    struct arguments *a = ctx;
    bool good = true;
    if (a->in_registers && a->used < sizeof regs / sizeof regs[0])
        *value = lx_reg(a->lx, regs[a->used++]);
    else if (a->next < a->end)
        good = take(a, &a->next, 8, value);
    else
        good = take(a, &a->stack, a->lx->word == 8 ? 8 : bytes, value);
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
    lx_name(((struct arguments *)ctx)->lx, address, buf, size);
}

static struct format_source source_of(struct arguments *a)
{
    return (struct format_source){.ctx = a, .word = a->lx->word, .next = next_argument, .string = read_text, .name = name_of};
}

/* Of a variadic function that was just entered. */
static struct arguments entered(struct linux_guest *lx)
{
    return (struct arguments){.lx = lx, .in_registers = lx->word == 8, .stack = lx_reg(lx, LX_RSP) + lx->word};
}

static struct arguments of_list(struct linux_guest *lx, uint64_t list)
{
    enum { REGISTERS_END = 48 };
    if (lx->word == 4)
        return (struct arguments){.lx = lx, .stack = list};
    uint64_t save = lx_u64(lx, list + 16);
    return (struct arguments){.lx = lx,
                              .next = save + lx_u32(lx, list),
                              .end = save + REGISTERS_END,
                              .stack = lx_u64(lx, list + 8)};
}

/* ---------------------------------------------------------------- panic */

static void panics(struct linux_guest *lx, struct frame *f)
{
    char format[256];
    struct text t = {0};
    struct arguments a = entered(lx);
    const struct format_source src = source_of(&a);
    uint64_t address = 0;
    next_argument(&a, lx->word, &address);
    lx_string(lx, address, format, sizeof format);
    guest_format(&t, format, &src);
    while (t.n && t.s[t.n - 1] == '\n')
        t.s[--t.n] = 0;
    LX_EMIT(lx, EV_KERNEL_PANIC, t.s, lx_current_pid(lx));
    free(t.s);
}

/* ---------------------------------------------------------------- messages */

/* Without the line's end, and without "NAME[PID]: ", which the event says already. */
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
        LX_EMIT(lx, EV_PROCESS_LOG, text, level, pid, lx_tgid(lx, task));
}

/* vprintk_emit(facility, level, dev_info, format, args) */
static void printed(struct linux_guest *lx, struct frame *f)
{
    char format[8], text[1024];
    uint64_t value, stack = lx_reg(lx, LX_RSP) + 4;
    if (!(lx_argument(lx, 0) & UINT32_MAX)) /* the kernel's own */
        return;
    struct arguments a = of_list(lx, lx->word == 8 ? lx_reg(lx, LX_R8) : lx_u32(lx, stack + 4));
    lx_string(lx, lx->word == 8 ? lx_reg(lx, LX_RCX) : lx_u32(lx, stack), format, sizeof format);
    if (strcmp(format, "%s") || !next_argument(&a, lx->word, &value))
        return;
    lx_string(lx, value, text, sizeof text);
    say(lx, (unsigned)lx_argument(lx, 1) & 7, text);
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

enum { PIECES = 64, DATAGRAM = 4096 };

/* The first bytes of the datagram of a program's struct msghdr, whose members are as wide as the kernel's words; a
 * text, since the journal's fields are. */
static void datagram(struct linux_guest *lx, uint64_t msghdr, char out[DATAGRAM])
{
    unsigned word = lx->word;
    uint64_t iov = lx_word(lx, msghdr + 2 * word), n = lx_word(lx, msghdr + 3 * word);
    size_t len = 0;
    for (uint64_t i = 0; i < n && i < PIECES && len < DATAGRAM - 1; i++) {
        uint64_t base = lx_word(lx, iov + 2 * word * i), size = lx_word(lx, iov + 2 * word * i + word);
        size_t part = size < DATAGRAM - 1 - len ? size : DATAGRAM - 1 - len;
        lx_read(lx, base, out + len, part);
        len += part;
        out[len] = 0;
        if (!i && !is_journal(out))
            return;
    }
    out[len] = 0;
}

static void sent(struct linux_guest *lx, uint64_t msghdr)
{
    char text[DATAGRAM] = "";
    datagram(lx, msghdr, text);
    if (!is_journal(text))
        return;
    char *message = field(text, "MESSAGE="), *level = field(text, "PRIORITY=");
    if (message)
        say(lx, level ? (unsigned)(*level - '0') & 7 : 6, message);
}

/* __x64_sys_sendmsg(regs): a descriptor and a struct msghdr, in the caller's rdi and rsi. */
static void sends(struct linux_guest *lx, struct frame *f)
{
    enum { PT_SI = 104 };
    sent(lx, lx_u64(lx, lx_argument(lx, 0) + PT_SI));
}

/* __sys_sendmsg(descriptor, msghdr, flags, ...): where 32-bit kernels come by sendmsg(2) and socketcall(2). */
static void sends_32(struct linux_guest *lx, struct frame *f)
{
    sent(lx, lx_argument(lx, 1));
}

void lx_log_setup(struct linux_guest *lx)
{
    if (lx_wants(lx, EC_KERNEL))
        lx_hook(lx, "panic", panics, NULL);
    if (!lx_wants(lx, EC_PROCESS))
        return;
    if (!lx_hook(lx, "vprintk_emit", printed, NULL))
        lx_missing(lx, "vprintk_emit");
    const char *send = lx->word == 8 ? "__x64_sys_sendmsg" : "__sys_sendmsg";
    if (!lx_hook(lx, send, lx->word == 8 ? sends : sends_32, NULL))
        lx_missing(lx, send);
}
