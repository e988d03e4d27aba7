/* facts.c - the events that explainers ask for, read once. */
#include "core/packets/packet.h"
#include "core/case/case.h"

/* How many events of a kind are kept, from the first on and up to the last; 0: it is not kept. */
enum { FEW = 64, MANY = 4096, DISK_SERVICE = 0x13 };

/* What a server of DHCP or DHCPv6 offers, or what a client asks for of that; a connection that is refused. Of other frames there are the transfers. */
static bool is_bargain(const struct event *ev)
{
    enum { ADVERTISE6 = 2, REQUEST6 = 3 };
    const bool in = ev->kind == EV_NET_IN;
    struct packet p;
    struct net_dhcp d;
    uint32_t transaction;
    if (!packet_parse(ev->data, ev->len, &p))
        return false;
    if (in && p.flags & TCP_RST)
        return true;
    if (packet_dhcp(&p, &d))
        return d.type == (in ? DHCP_OFFER : DHCP_REQUEST);
    return packet_dhcp6(&p, &transaction) == (in ? ADVERTISE6 : REQUEST6);
}

static unsigned keeps(const struct event *ev)
{
    switch (ev->kind) {
    case EV_SOFTINT:
    case EV_UNHANDLED:
    case EV_FIRMWARE_LOG:
        return FEW;
    case EV_SERVICE:
        return EVF(ev, SERVICE, carry) || EVF(ev, SERVICE, vector) == DISK_SERVICE ? FEW : 0;
    case EV_INITCALL_DONE:
        return EVF(ev, INITCALL_DONE, result) ? MANY : 0;
    case EV_KERNEL_RETURN: /* whether there is an init to execute */
        return fact_contains(ev, "init_eaccess") ? FEW : 0;
    case EV_EFI_RETURN:
        return EVF(ev, EFI_RETURN, status) ? FEW : 0;
    case EV_EFI_SERVICE:
        return EVF(ev, EFI_SERVICE, status) ? MANY : 0; /* an image that is refused is one of many */
    case EV_SYSCALL_EXIT:
        return (int64_t)EVF(ev, SYSCALL_EXIT, result) < 0 ? FEW : 0;
    case EV_NET_IN:
    case EV_NET_OUT:
        return is_bargain(ev) ? FEW : 0;
    case EV_KERNEL_CALL:
    case EV_INITCALL:
    case EV_E820:
    case EV_MODULE_SECTION:
    case EV_SERVICE_AGAIN:
    case EV_FW_CFG:
    case EV_POST_CODE:
    case EV_EFI_HOB:
    case EV_EFI_MAP:
    case EV_EFI_CALL:
    case EV_SYSINIT:
    case EV_SYSINIT_DONE:
    case EV_PROCESS_WAIT:
    case EV_XENSTORE:
    case EV_HYPERCALL:
    case EV_HYPERCALL_AGAIN:
    case EV_DOMAIN_EMULATE:
    case EV_DOMAIN_EVENT:
    case EV_VIRT_ENTER:
    case EV_VIRT_EXIT:
    case EV_VIRT_INJECT:
    case EV_VIRT_REFUSED:
        return 0;
    default:
        return MANY;
    }
}

/* The classes that are read. */
static uint32_t classes(void)
{
    const uint32_t unread = EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_MMIO) | EVENT_CLASS_BIT(EC_IRQ) |
                            EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_FOLD) | EVENT_CLASS_BIT(EC_HOST);
    return EVENT_CLASSES_ALL & ~unread;
}

static void keep(struct facts *f, const struct event *ev)
{
    f->event = mem_grow(f->event, &f->cap, f->n + 1, sizeof *f->event);
    f->event[f->n] = *ev;
    f->event[f->n++].data = ev->len ? mem_copy(ev->data, ev->len) : NULL;
}

/* Removes the second half of the first `most` events of a kind, but for what came last: the first and the last stay. */
static void thin(struct facts *f, unsigned kind, unsigned most)
{
    size_t seen = 0, out = 0;
    for (size_t i = 0; i < f->n; i++) {
        const bool drop = f->event[i].kind == kind && ++seen > most / 2 && seen <= most;
        if (drop)
            free((void *)f->event[i].data);
        else
            f->event[out++] = f->event[i];
    }
    f->n = out;
}

static void see(struct facts *f, const struct event *ev, uint64_t kept[EV_COUNT])
{
    const unsigned most = keeps(ev);
    f->count[ev->kind]++;
    f->end = ev->icount;
    f->end_time = ev->time;
    if (!most)
        return;
    keep(f, ev);
    if (++kept[ev->kind] >= most + most / 2) {
        thin(f, ev->kind, most);
        kept[ev->kind] -= most / 2;
    }
}

void facts_free(struct facts *f)
{
    for (size_t i = 0; i < f->n; i++)
        free((void *)f->event[i].data);
    free(f->event);
    *f = (struct facts){0};
}

/* The usual way to reset a machine by a triple fault: an IDT of no entries is loaded, and an interrupt raised right after it. */
static bool on_purpose(const struct facts *f)
{
    enum { SOON = 16, IDT = 1, ENTRY = 8 };
    const struct event *t = facts_last(f, EV_TRIPLE_FAULT), *idt = NULL;
    for (size_t i = 0; t && i < f->n && f->event[i].icount <= t->icount; i++)
        if (f->event[i].kind == EV_CPU_DTABLE && EVF(&f->event[i], CPU_DTABLE, table) == IDT)
            idt = &f->event[i];
    return idt && EVF(idt, CPU_DTABLE, limit) < ENTRY && t->icount - idt->icount <= SOON;
}

/* The boot ended in a crash: a panic, a triple fault that no kernel has asked for (some reset the machine so), or a watchdog. */
static bool crashed(const struct facts *f)
{
    const struct event *reset = facts_last(f, EV_RESET);
    return facts_last(f, EV_KERNEL_PANIC) || facts_first_line(f, "Kernel panic", f->begin) ||
           (facts_last(f, EV_TRIPLE_FAULT) && !facts_last(f, EV_KERNEL_SHUTDOWN) && !on_purpose(f)) ||
           (reset && fact_contains(reset, "watchdog"));
}

/* A new boot begins with the reset at `icount`, or with a kernel that the one before has loaded. */
static void boots(struct why_case *c, uint64_t icount, bool kexec)
{
    c->resets += !kexec;
    c->kexec = kexec;
    c->shutdowns += c->now.count[EV_KERNEL_SHUTDOWN] || c->now.count[EV_KERNEL_KEXEC];
    if (c->before_crashed) {
        facts_free(&c->bad);
        c->bad = c->before;
    } else {
        facts_free(&c->before);
    }
    c->before = c->now;
    c->before_crashed = crashed(&c->now);
    c->now = (struct facts){.begin = icount};
}

int facts_read(struct why_case *c, struct error *err)
{
    struct trace_cursor *cur = trace_cursor_open(c->t, classes());
    uint64_t kept[EV_COUNT] = {0};
    struct event ev;
    int rc;
    bool reset = false, kexec = false;
    while ((rc = trace_cursor_next(cur, &ev, NULL, err)) == 1 && ev.icount <= c->at) {
        /* A recording that ends before a reset ends with its event. */
        if (reset || kexec) {
            boots(c, ev.icount, kexec);
            memset(kept, 0, sizeof kept);
        }
        see(&c->now, &ev, kept);
        reset = ev.kind == EV_RESET;
        kexec = ev.kind == EV_KERNEL_KEXEC && !ev.guest;
    }
    trace_cursor_close(cur);
    return rc < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- asking */

const struct event *facts_last(const struct facts *f, unsigned kind)
{
    for (size_t i = f->n; i--;)
        if (f->event[i].kind == kind)
            return &f->event[i];
    return NULL;
}

const struct event *facts_first(const struct facts *f, unsigned kind)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->event[i].kind == kind)
            return &f->event[i];
    return NULL;
}

const char *fact_text(const struct event *ev, char *buf, size_t size)
{
    size_t n = 0;
    char *plain = mem_alloc(ev->len + 1);
    const size_t len = plain_text(ev->data, ev->len, plain);
    for (size_t i = 0; i < len && n + 1 < size; i++)
        if ((uint8_t)plain[i] >= ' ')
            buf[n++] = plain[i];
    while (n && buf[n - 1] == ' ')
        n--;
    buf[n] = 0;
    free(plain);
    const size_t blanks = strspn(buf, " ");
    memmove(buf, buf + blanks, n - blanks + 1);
    return buf;
}

bool fact_contains(const struct event *ev, const char *text)
{
    return ev->len && plain_holds(ev->data, ev->len, text);
}

const struct event *facts_line(const struct facts *f, const char *text, uint64_t from)
{
    for (size_t i = f->n; i-- && f->event[i].icount >= from;)
        if (f->event[i].kind == EV_CONSOLE_LINE && fact_contains(&f->event[i], text))
            return &f->event[i];
    return NULL;
}

const struct event *facts_first_line(const struct facts *f, const char *text, uint64_t from)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->event[i].icount >= from && f->event[i].kind == EV_CONSOLE_LINE &&
            fact_contains(&f->event[i], text))
            return &f->event[i];
    return NULL;
}

bool kernel_after(struct why_case *c, uint64_t icount)
{
    static const unsigned kinds[] = {EV_KERNEL_ENTRY, EV_KERNEL_FOUND, EV_XEN_FOUND, EV_KERNEL_HANDOVER};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct event *k = facts_last(&c->now, kinds[i]);
        if (k && k->icount > icount)
            return true;
    }
    return false;
}
