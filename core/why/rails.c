/* rails.c - execution that left the rails: zeros that run as code, a stack that keeps nothing, jumps to where no code is. */
#include <inttypes.h>

#include "core/why/private/derail.h"

enum { SOON = 50000000, NEAR_END = 1000, SECTOR_BEGIN = 0x7c00, SECTOR = 512 };

/* The end is one that a program which lost its way comes to. */
static const struct event *bad_end(struct why_case *c)
{
    const struct event *ev = facts_last(&c->now, EV_TRIPLE_FAULT);
    if (!ev)
        ev = facts_last(&c->now, EV_HALT);
    return ev;
}

/* Where the odd thing happened, in words. */
static uint64_t linear_of(struct why_case *c, const struct event *ev, uint64_t ip)
{
    return case_go(c, ev->icount) ? timeline_pc(c->tl, ev->cpu) : ip;
}

/* ---------------------------------------------------------------- what was to be read, and was not */

/* The read that was to bring the code failed, and nobody looked. */
static bool read_failed(struct why_case *c, struct finding *f, const struct event *ev, const char *where)
{
    const struct event *read = disk_read_failed(c, ev->icount);
    if (!read)
        return false;
    const uint64_t status = EVF(read, SERVICE, ax) >> 8 & 0xff;
    find_verdict(f, WHY_RAILS_READ_FAILED, read->icount,
                 "INT 13h refused a read (%02" PRIX64 "h: %s), the program went on, and no code is at %s",
                 status, disk_status_words(status), where);
    find_event(f, c, read, NULL);
    return true;
}

/* The code that runs was read from an image, and what is at that address belongs to what was not: how far the image was read. */
static void unread_line(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t code,
                        uint64_t address)
{
    const struct came came = memory_came(c, cpu, icount, code, 4);
    if (!came.known || came.source != ORIGIN_IMAGE || !came.image || address < code ||
        address - code > 1 << 24)
        return;
    const uint64_t offset = came.offset + (address - code);
    find_note(f,
              "the code at 0x%" PRIx64 " is from sector %" PRIu64 " of %s; what belongs at 0x%" PRIx64
              " would be from sector %" PRIu64 ", which was not read to there",
              code, came.offset / SECTOR, came.image, address, offset / SECTOR);
}

/* A disk service came over the program that called it: where the call returns to, something else is now. */
static bool read_over_code(struct why_case *c, struct finding *f, uint64_t icount, unsigned cpu, uint64_t pc)
{
    enum { DISK = 0x13, INT = 2 /* bytes */ };
    const struct event *service = NULL;
    char at[PLACE_TEXT];
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= icount; i++)
        if (c->now.event[i].kind == EV_SERVICE && EVF(&c->now.event[i], SERVICE, vector) == DISK)
            service = &c->now.event[i];
    if (!service || icount - service->icount > NEAR_END)
        return false;
    const uint64_t back = EVF(service, SERVICE, caller) + INT,
                   begin = service->icount - EVF(service, SERVICE, steps);
    const struct came came = memory_came(c, cpu, icount, back, 1);
    if (!came.known || !came.icount || came.icount < begin || came.icount > service->icount)
        return false;
    case_address(c, icount, cpu, pc, at);
    find_verdict(f, WHY_RAILS_OVERWRITTEN, service->icount,
                 "a disk read overwrote the program that asked for it: INT 13h at 0x%" PRIx64
                 " returns into what it read",
                 EVF(service, SERVICE, caller));
    find_event(f, c, service, NULL);
    find_line(f, came.icount, NULL, "the byte at 0x%" PRIx64 ", where it returns to, was written here: %s",
              back, came.text);
    return true;
}

/* ---------------------------------------------------------------- jumps to where no code is */

/* What the jump that led there says of itself. Gives the verdict if it knows better than that no code is there. */
static void jump_verdict(struct why_case *c, struct finding *f, const struct event *ev, const char *where)
{
    struct jump j;
    if (!jump_find(c, ev->cpu, ev->icount, &j))
        return;
    const struct came came = jump_came(c, &j);
    if (!j.indirect || (j.kind == JUMP_RETURN && (!came.known || came.by_call)) ||
        j.kind == JUMP_INTERRUPT_RETURN) {
        jump_lines(c, f, &j);
        return;
    }
    derail_verdict(c, f, &j, where);
    if (j.kind != JUMP_RETURN && came.never && came.memory)
        unread_line(c, f, ev->cpu, j.icount, j.pc, came.linear);
}

static void zeros(struct why_case *c, struct finding *f, const struct event *ev, const struct event *end)
{
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER);
    char where[PLACE_TEXT];
    const uint64_t pc = linear_of(c, ev, EVF(ev, CPU_ZEROS, ip));
    const bool empty =
        sector && ev->icount - sector->icount < 16 && pc >= SECTOR_BEGIN && pc < SECTOR_BEGIN + SECTOR;
    case_address(c, ev->icount, ev->cpu, pc, where);
    if (empty)
        find_verdict(f, WHY_RAILS_EMPTY_SECTOR, ev->icount,
                     "the boot sector has no code: it is entered, and its bytes are zero at %s", where);
    else
        find_verdict(f, WHY_RAILS_ZEROS, ev->icount,
                     "execution left the rails: zeros are executed as code at %s, where nobody has put any",
                     where);
    find_event(f, c, ev, NULL);
    const struct came came = empty ? (struct came){0} : memory_came(c, ev->cpu, ev->icount, pc, 1);
    if (!empty && (read_over_code(c, f, ev->icount, ev->cpu, pc) || derail_wild(c, f, ev->cpu, ev->icount)))
        ;
    else if (came.known && came.source == ORIGIN_IMAGE && came.image)
        find_verdict(
            f, WHY_RAILS_ZEROS, ev->icount,
            "execution left the rails: zeros are executed as code at %s: so they were read from sector %" PRIu64
            " of %s",
            where, came.offset / SECTOR, came.image);
    else if (!empty) {
        jump_verdict(c, f, ev, where);
        if (f->code == WHY_RAILS_ZEROS || f->code == WHY_RAILS_WILD_JUMP)
            read_failed(c, f, ev, where);
    }
    if (sector)
        find_event(f, c, sector, NULL);
    if (end)
        find_event(f, c, end, "it led to");
    find_disk_services(f, c, ev->icount);
}

/* A triple fault in code that was overwritten. */
static bool overwritten(struct why_case *c, struct finding *f, const struct event *end)
{
    if (!case_go(c, end->icount) ||
        !read_over_code(c, f, end->icount, end->cpu, timeline_pc(c->tl, end->cpu)))
        return false;
    find_event(f, c, end, "it led to");
    return true;
}

/* ---------------------------------------------------------------- the first page */

static bool see_null(void *ctx, const struct timeline_hit *hit)
{
    struct timeline_hit *last = ctx;
    *last = *hit;
    return true;
}

/* In protected mode address 0 was executed, which nobody means to: under a BIOS its vectors are there, and run as code for a while. */
static bool null_call(struct why_case *c, struct finding *f, const struct event *end)
{
    enum { VECTORS_RUN = 2000000 /* steps */ };
    const struct timeline_stop stop = {.kind = TS_BREAK_LINEAR, .address = 0};
    struct timeline_hit last = {0};
    struct timeline_stopped s;
    struct error ignored;
    const uint64_t from =
        end->icount > c->now.begin + VECTORS_RUN ? end->icount - VECTORS_RUN : c->now.begin + 1;
    if (!case_go(c, from) ||
        timeline_scan(c->tl, &stop, from, end->icount + 1, see_null, &last, &s, &ignored) || !last.icount ||
        !case_go(c, last.icount) || timeline_pc(c->tl, last.cpu) ||
        !(timeline_reg(c->tl, last.cpu, "cr0") & 1))
        return false;
    struct jump j;
    if (!jump_find(c, last.cpu, last.icount, &j) || j.target)
        return false;
    derail_verdict(c, f, &j, "0x0");
    find_event(f, c, end, "it led to");
    find_disk_services(f, c, end->icount);
    return true;
}

static void stack(struct why_case *c, struct finding *f, const struct event *ev, const struct event *end)
{
    char where[PLACE_TEXT], place[PLACE_TEXT], text[100];
    fact_text(ev, text, sizeof text);
    find_verdict(f, WHY_RAILS_STACK_MEMORY, ev->icount,
                 "the stack is at 0x%" PRIx64 ", in %s: what is pushed there is lost (pushed at %s)",
                 EVF(ev, CPU_STACK, address), text,
                 case_address(c, ev->icount, ev->cpu, linear_of(c, ev, EVF(ev, CPU_STACK, ip)), where));
    find_line(f, ev->icount, case_place_of(c, ev, place), "the first push that is lost");
    if (end)
        find_event(f, c, end, "it led to");
}

/* The instruction of an odd thing puts something on the stack. */
static bool pushes(struct why_case *c, const struct event *ev)
{
    struct instruction in;
    if (!case_go(c, ev->icount))
        return false;
    case_insn(c, ev->cpu, &in);
    return !strncmp(in.text, "push", 4) || !strncmp(in.text, "call", 4);
}

/* A stack has grown down into page tables that are in use: one of the entries that map it was pushed there. */
static bool stack_in_tables(struct why_case *c, struct finding *f, const struct event *ev,
                            const struct event *end)
{
    struct view_walk w;
    struct timeline_stopped s;
    struct error ignored;
    char where[PLACE_TEXT];
    struct instruction in;
    if (!case_go(c, ev->icount))
        return false;
    const uint64_t sp = view_stack(timeline_look(c->tl), ev->cpu);
    view_walk(timeline_look(c->tl), ev->cpu, sp, &w);
    for (unsigned i = 0; i < w.n; i++) {
        if (!case_go(c, ev->icount) || timeline_last_write_physical(c->tl, w.level[i].at, 4, &s, &ignored) ||
            s.reason != TIMELINE_WATCHPOINT || s.device || s.icount < c->now.begin)
            continue;
        case_insn(c, s.cpu, &in);
        if (strncmp(in.text, "push", 4) && strncmp(in.text, "call", 4))
            continue;
        const uint64_t pc = timeline_pc(c->tl, s.cpu), top = view_stack(timeline_look(c->tl), s.cpu);
        find_verdict(f, WHY_RAILS_STACK_TABLES, s.icount,
                     "the stack runs into page tables: at 0x%" PRIx64
                     " an entry of the %s is overwritten (pushed at %s)",
                     top, w.level[i].name, case_address(c, s.icount, s.cpu, pc, where));
        find_line(f, s.icount, NULL,
                  "%s overwrites the entry at physical 0x%" PRIx64 ", which maps the stack itself", in.text,
                  w.level[i].at);
        if (case_go(c, s.icount))
            find_callers(f, c, s.cpu);
        if (ev != end)
            find_event(f, c, ev, "then");
        if (end)
            find_event(f, c, end, "it led to");
        return true;
    }
    return false;
}

static void stack_in_code(struct why_case *c, struct finding *f, const struct event *ev,
                          const struct event *end)
{
    char where[PLACE_TEXT];
    find_verdict(
        f, WHY_RAILS_STACK_CODE, ev->icount,
        "the stack runs into code: what is pushed at %s overwrites the next instructions, at 0x%" PRIx64,
        case_address(c, ev->icount, ev->cpu, linear_of(c, ev, EVF(ev, CPU_OWN_CODE, ip)), where),
        EVF(ev, CPU_OWN_CODE, address));
    find_event(f, c, ev, NULL);
    if (case_go(c, ev->icount))
        find_callers(f, c, ev->cpu);
    if (end)
        find_event(f, c, end, "it led to");
}

static void own_code(struct why_case *c, struct finding *f, const struct event *ev, const struct event *end)
{
    char where[PLACE_TEXT];
    find_verdict(f, WHY_RAILS_OWN_CODE, ev->icount,
                 "code overwrites itself at 0x%" PRIx64 ", and what it does then ends badly",
                 EVF(ev, CPU_OWN_CODE, address));
    find_line(f, ev->icount, NULL, "%" PRIu64 " bytes are stored over the next instructions by %s",
              EVF(ev, CPU_OWN_CODE, size),
              case_address(c, ev->icount, ev->cpu, linear_of(c, ev, EVF(ev, CPU_OWN_CODE, ip)), where));
    if (end)
        find_event(f, c, end, "it led to");
}

/* Zeros are what is executed at the end. */
static bool in_zeros(struct why_case *c)
{
    return case_go(c, c->at) && case_zeros(c, 0, timeline_pc(c->tl, 0), 16);
}

/* Nothing but the processor was heard of from the i-th event on, up to the end: whatever should have gone on did not. */
static bool silent_since(const struct why_case *c, size_t i, const struct event *end)
{
    const unsigned cpu = c->now.event[i].cpu;
    const uint32_t own =
        EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_EXCEPTION) | EVENT_CLASS_BIT(EC_UNHANDLED);
    for (i++; i < c->now.n && (!end || c->now.event[i].icount < end->icount); i++)
        if (c->now.event[i].cpu == cpu && !(EVENT_CLASS_BIT(event_kind(c->now.event[i].kind)->cls) & own))
            return false;
    return true;
}

/* Zeros that run are where the boot went, though nothing ended it: it is in them still, or was not heard of again. */
static bool stays_in_zeros(struct why_case *c, size_t i, uint64_t at)
{
    const struct event *ev = &c->now.event[i];
    if (EVF(ev, CPU_ZEROS, zeros) <= 64)
        return false;
    return (!ev->cpu && silent_since(c, i, NULL)) || (at - ev->icount < SOON && in_zeros(c));
}

/* What is odd counts only if the boot ends badly soon after it: loaders push into read-only memory and patch themselves, too. */
void explain_rails(struct why_case *c, struct finding *f)
{
    const struct event *end = bad_end(c), *entered = facts_last(&c->now, EV_BOOT_SECTOR_ENTER), *odd = NULL;
    const uint64_t at = end ? end->icount : c->at;
    if (facts_last(&c->now, EV_KERNEL_PANIC) || (!end && facts_last(&c->now, EV_KERNEL_FOUND)) ||
        (!end && facts_last(&c->now, EV_POWER_OFF)))
        return;
    enum { LOOKED = 8 }; /* each is a seek */
    unsigned looked = 0;
    for (size_t i = 0; i < c->now.n && !odd; i++) {
        const struct event *ev = &c->now.event[i];
        const bool no_sector = entered && ev->icount >= entered->icount && ev->icount - entered->icount < 16;
        const bool near = end && ev->icount <= at && at - ev->icount < SOON;
        if (ev->kind == EV_CPU_OWN_CODE && near && looked++ < LOOKED && pushes(c, ev))
            odd = ev;
        const bool led = end && end->kind == EV_TRIPLE_FAULT && ev->kind == EV_CPU_ZEROS &&
                         ev->cpu == end->cpu && EVF(ev, CPU_ZEROS, zeros) > 64 && silent_since(c, i, end);
        if (ev->kind == EV_CPU_ZEROS && (near || led || no_sector || stays_in_zeros(c, i, at)))
            odd = ev;
        if ((ev->kind == EV_CPU_STACK && near && at - ev->icount < 10 * NEAR_END) ||
            (ev->kind == EV_CPU_OWN_CODE && near && at - ev->icount < NEAR_END))
            odd = ev;
    }
    /* Where zeros run is before the end, which may be many millions of steps later. */
    if (end && !(odd && odd->kind == EV_CPU_ZEROS) && !facts_last(&c->now, EV_KERNEL_FOUND) &&
        (null_call(c, f, end) || overwritten(c, f, end))) {
        find_console(f, c, c->now.begin, at, 3);
        return;
    }
    if (end && end->kind == EV_TRIPLE_FAULT && stack_in_tables(c, f, odd ? odd : end, end))
        return;
    if (!odd)
        return;
    if (odd->kind == EV_CPU_OWN_CODE && pushes(c, odd))
        stack_in_code(c, f, odd, end);
    else if (odd->kind == EV_CPU_ZEROS)
        zeros(c, f, odd, end);
    else if (odd->kind == EV_CPU_STACK)
        stack(c, f, odd, end);
    else
        own_code(c, f, odd, end);
    find_console(f, c, c->now.begin, at, 3);
}
