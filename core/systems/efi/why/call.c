/* call.c - see private/call.h.
 *
 * Source: UEFI 2.10, 2.3.4.2 (calling conventions on x64), 13.5.2 (EFI_FILE_PROTOCOL.Open()), appendix D (status codes). */
#include "base/byte_order.h"
#include "core/systems/efi/why/private/call.h"

enum { ERRORS = 64 /* status codes of errors are below */ };

struct calls {
    struct why_case *c;
    unsigned cpu;
    uint64_t base, end; /* of the image */
    uint64_t at, pc;    /* the call that has not returned; 0: none */
    uint64_t sp;        /* … and the stack pointer before it */
    uint64_t failed, failed_pc, status;
};

static bool inside(const struct calls *w, uint64_t pc)
{
    return pc >= w->base && pc < w->end;
}

/* Calls leave the image, and come back to it with the stack as it was; the state is that after the step. */
static bool see(void *ctx, const struct timeline_trail *s)
{
    enum { WORD = 8 };
    struct calls *w = ctx;
    if (s->cpu != w->cpu || inside(w, s->pc) == inside(w, s->next))
        return true;
    const uint64_t sp = view_stack(timeline_look(w->c->tl), w->cpu);
    if (inside(w, s->pc)) {
        w->at = s->icount;
        w->pc = s->pc;
        w->sp = sp + WORD;
        return true;
    }
    const uint64_t rax = timeline_reg(w->c->tl, w->cpu, "rax");
    if (w->at && sp == w->sp && rax >> 63 && (rax << 1 >> 1) < ERRORS && rax << 1) {
        w->failed = w->at;
        w->failed_pc = w->pc;
        w->status = rax;
    }
    w->at = 0;
    return true;
}

/* A text of UCS-2 at an address: at least two characters, all of which can be printed. */
static bool wide_text(struct why_case *c, unsigned cpu, uint64_t at, char *buf, size_t size)
{
    enum { LEAST = 2, WIDTH = 2 };
    uint8_t b[WIDTH];
    size_t n = 0;
    for (; n + 1 < size && timeline_peek(c->tl, cpu, at + n * WIDTH, b, WIDTH) == WIDTH; n++) {
        const unsigned ch = le16(b);
        buf[n] = (char)ch;
        if (!ch)
            return n >= LEAST;
        if (ch < ' ' || ch > '~')
            return false;
    }
    return false;
}

bool efi_call_failed(struct why_case *c, const struct event *start, uint64_t to, struct efi_call *call)
{
    enum { MOST = 10000000, SLICE = 500000 /* steps */ };
    static const char *const arguments[] = {"rdx", "r8", "r9"};
    struct calls w = {.c = c,
                      .cpu = start->cpu,
                      .base = EVF(start, EFI_START, base),
                      .end = EVF(start, EFI_START, base) + EVF(start, EFI_START, size)};
    struct error ignored;
    uint64_t end = to;
    *call = (struct efi_call){0};
    /* From the end backwards: the last failure is in the first slice that has one. */
    while (end > start->icount && to - end < MOST && case_affords(c)) {
        uint64_t begin = end - start->icount > SLICE ? end - SLICE : start->icount;
        w.at = w.failed = 0;
        if (!case_go(c, begin) || timeline_trail(c->tl, begin, end, see, &w, &ignored))
            return false;
        if (w.failed && case_go(c, w.failed))
            for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
                if (wide_text(c, w.cpu, timeline_reg(c->tl, w.cpu, arguments[i]), call->wanted,
                              sizeof call->wanted)) {
                    call->icount = w.failed;
                    call->pc = w.failed_pc;
                    call->status = w.status;
                    return true;
                }
        end = begin;
    }
    return false;
}
