/* marks.c - see marks.h. */
#include <stdlib.h>
#include <string.h>

#include "core/story/marks.h"
#include "base/memory.h"
#include "traces/trace.h"

enum { MAX_MARKS = 500 };

struct marks {
    struct mark *list;
    size_t n;
    uint64_t *seen; /* what happened since the last reset */
    size_t nseen;
    bool more;
};

/* Which kinds are marks, and whether every event is one or only the first since a reset. */
enum when { NEVER, FIRST, ALWAYS };

/* A kernel's milestones. */
static bool kernel_mark(unsigned kind)
{
    static const uint16_t kinds[] = {EV_KERNEL_ENTRY,    EV_DECOMPRESS_BEGIN, EV_DECOMPRESS_END,
                                     EV_KERNEL_FOUND,    EV_KERNEL_REACHED,   EV_KERNEL_CONSOLE,
                                     EV_CPU_UP,          EV_INIT_FREED,       EV_INIT_RUN,
                                     EV_KERNEL_SHUTDOWN, EV_KERNEL_PANIC,     EV_PROCESS_FIRST};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i] == kind)
            return true;
    return false;
}

/* A UEFI firmware's: where its phases begin, and where its boot services end and the kernel takes over its memory. */
static bool firmware_mark(const struct event *ev)
{
    enum { SEC = 3, DXE_CORE = 5, EXIT_BOOT_SERVICES = 0x21a, SET_VIRTUAL_ADDRESS_MAP = 0x304 };
    switch (ev->kind) {
    case EV_EFI_START:
        return EVF(ev, EFI_START, type) >= SEC && EVF(ev, EFI_START, type) <= DXE_CORE;
    case EV_EFI_SERVICE:
        return EVF(ev, EFI_SERVICE, service) == EXIT_BOOT_SERVICES ||
               EVF(ev, EFI_SERVICE, service) == SET_VIRTUAL_ADDRESS_MAP;
    default:
        return ev->kind == EV_EFI_MEMORY || ev->kind == EV_EFI_SYSTEM_TABLE || ev->kind == EV_EFI_BDS;
    }
}

static enum when mark_kind(const struct event *ev)
{
    switch (ev->kind) {
    case EV_CPU_MODE:
    case EV_CPU_RING3:
    case EV_OPTION_ROM:
    case EV_BOOT_TRY:
        return FIRST;
    case EV_RESET_VECTOR:
        return ALWAYS;
    default:
        break;
    }
    enum event_class cls = event_kind(ev->kind)->cls;
    if (cls == EC_LOADER || kernel_mark(ev->kind) || firmware_mark(ev))
        return FIRST;
    return cls == EC_POWER ? ALWAYS : NEVER;
}

/* A key that is equal for repetitions of the same thing. A mode is the same whichever mode it was
 * entered from. */
static uint64_t identity(const struct event *ev)
{
    if (ev->kind == EV_CPU_MODE)
        return EVF(ev, CPU_MODE, to);
    return event_key_hash(ev) + ev->guest; /* each guest has its own milestones */
}

static bool first(struct marks *m, uint64_t id)
{
    for (size_t i = 0; i < m->nseen; i++)
        if (m->seen[i] == id)
            return false;
    MEM_MORE(m->seen, m->nseen);
    m->seen[m->nseen++] = id;
    return true;
}

static void keep(struct marks *m, const struct event *ev)
{
    if (m->n == MAX_MARKS) {
        m->more = true;
        return;
    }
    int n = event_text_raw(ev, NULL, 0);
    MEM_MORE(m->list, m->n);
    struct mark *k = &m->list[m->n++];
    *k = (struct mark){
        .icount = ev->icount, .time = ev->time, .kind = ev->kind, .text = mem_alloc((size_t)n + 1)};
    event_text_raw(ev, k->text, (size_t)n + 1);
}

void marks_see(struct marks *m, const struct event *ev)
{
    enum when when = mark_kind(ev);
    if (when == NEVER || m->more)
        return;
    if (ev->kind == EV_RESET)
        m->nseen = 0;
    if (when == ALWAYS || first(m, identity(ev)))
        keep(m, ev);
}

struct marks *marks_new(void)
{
    return mem_zero(1, sizeof(struct marks));
}

int marks_see_trace(struct marks *m, struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, MARK_CLASSES);
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        marks_see(m, &ev);
    trace_cursor_close(c);
    return rc;
}

void marks_free(struct marks *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++)
        free(m->list[i].text);
    free(m->list);
    free(m->seen);
    free(m);
}

const struct mark *marks_list(const struct marks *m, size_t *count)
{
    *count = m->n;
    return m->list;
}

bool marks_more(const struct marks *m)
{
    return m->more;
}
