/* services.c - see services.h.
 *
 * A call is matched with its return by the return's destination: an IRET or RETF 2 to the instruction after
 * the INT, with the stack pointer as it was before the INT. So handlers may chain to each other, switch
 * stacks or go through protected mode, and a virtual-8086 monitor may emulate the INT, the IRET or the whole
 * service.
 *
 * An event is reported when its call returns, so its position is that of the return (core/engine/engine.h: positions
 * never go back). Two things become one event, since programs do them thousands of times:
 *   - polling (is there a key? what time is it?): the first is reported, identical ones after it are
 *     counted, and the count is reported when something else is called;
 *   - characters written one by one: reported as text, with one event per line.
 * Unfinished text is reported when the processor turns paging on, because then an operating system is
 * running. */
#include "hv/services.h"

#include <string.h>

static const struct field call_fields[] = {
    FIELD(struct service_call, cpu),    FIELD(struct service_call, vector),
    FIELD(struct service_call, ax),     FIELD(struct service_call, cx),
    FIELD(struct service_call, stack),  FIELD(struct service_call, next),
    FIELD(struct service_call, caller), FIELD(struct service_call, icount),
    FIELDS(struct service_call, words),
};

static const struct field poll_fields[] = {
    FIELD(struct service_poll, vector), FIELD(struct service_poll, function),
    FIELD(struct service_poll, count),  FIELD(struct service_poll, steps),
    FIELD(struct service_poll, last),   FIELDS(struct service_poll, words),
};

static const struct field fields[] = {
    FIELD(struct services, depth),
    FIELD(struct services, booting),
    FIELD_STRUCTS(struct services, call, call_fields),
    FIELD_STRUCTS(struct services, poll, poll_fields),
    FIELD(struct services, output),
    FIELD(struct services, at_known),
    FIELD(struct services, wrapped),
    FIELD(struct services, row),
    FIELD(struct services, col),
    FIELD(struct services, line_length),
    FIELD(struct services, line_row),
    FIELD(struct services, line_col),
    FIELD(struct services, line_calls),
    FIELD(struct services, line_steps),
    FIELD(struct services, line_start),
    FIELDS(struct services, line),
};

struct field_table services_fields(void)
{
    return fields_flatten(fields, FIELD_COUNT(fields));
}

enum { UNKNOWN = 255 };
#define STATE_SIZE offsetof(struct services, board)

void services_init(struct services *s, struct board *b, uint64_t (*now)(void *ctx), void *ctx)
{
    memset(s, 0, sizeof *s);
    s->board = b;
    s->now = now;
    s->ctx = ctx;
}

void services_reset(struct services *s)
{
    services_flush(s, false);
    memset(s, 0, STATE_SIZE);
}

static bool ends(const uint8_t words[SERVICE_WORDS])
{
    return memchr(words, 0, SERVICE_WORDS) != NULL;
}

int services_loaded(struct services *s)
{
    bool good = s->depth <= SERVICE_DEPTH && s->line_length <= SERVICE_LINE;
    for (unsigned i = 0; good && i < SERVICE_DEPTH; i++)
        good = ends(s->call[i].words) &&
               (i >= s->depth || (s->call[i].vector >= SERVICE_FIRST && s->call[i].vector <= SERVICE_LAST));
    for (unsigned i = 0; good && i < SERVICE_REPEATS; i++)
        good = ends(s->poll[i].words);
    if (good)
        return 0;
    memset(s, 0, STATE_SIZE);
    return -1;
}

/* ---------------------------------------------------------------- registers */

static void read_regs(struct services *s, unsigned cpu, struct service_regs *r)
{
    struct x86_user u;
    x86_user_get(board_cpu(s->board, cpu), &u);
    *r = (struct service_regs){
        .eax = (uint32_t)u.gpr[0],
        .ecx = (uint32_t)u.gpr[1],
        .edx = (uint32_t)u.gpr[2],
        .ebx = (uint32_t)u.gpr[3],
        .ebp = (uint32_t)u.gpr[5],
        .esi = (uint32_t)u.gpr[6],
        .edi = (uint32_t)u.gpr[7],
        .ds = u.ds,
        .es = u.es,
        .flags = (uint16_t)u.rflags,
    };
}

static uint64_t now(const struct services *s)
{
    return s->now(s->ctx);
}

/* A call that has returned. */
struct call {
    const struct service_row *row;
    uint8_t vector;
    uint16_t ax, cx; /* as called */
    uint64_t caller, start, steps;
    const char *words;
    bool failed;
};

/* ---------------------------------------------------------------- repeats */

static void report_repeats(struct services *s, const struct service_poll *p)
{
    if (!p->count)
        return;
    struct event ev = {.kind = EV_SERVICE_AGAIN, .data = p->words};
    ev.len = (uint32_t)strlen((const char *)p->words);
    ev.f[EVF_SERVICE_AGAIN_vector] = p->vector;
    ev.f[EVF_SERVICE_AGAIN_count] = p->count;
    ev.f[EVF_SERVICE_AGAIN_steps] = p->steps;
    ev.f[EVF_SERVICE_AGAIN_last] = p->last;
    board_event(s->board, &ev);
}

/* In the order in which they were last seen. */
static void report_all_repeats(struct services *s)
{
    for (unsigned i = SERVICE_REPEATS; i-- > 0;)
        report_repeats(s, &s->poll[i]);
}

static void forget_repeats(struct services *s)
{
    memset(s->poll, 0, sizeof s->poll);
}

/* Moves entry `i` to the front, and those before it back by one. */
static void poll_to_front(struct services *s, unsigned i)
{
    struct service_poll first = s->poll[i];
    memmove(&s->poll[1], &s->poll[0], i * sizeof s->poll[0]);
    s->poll[0] = first;
}

/* Replaces the least recently seen entry. */
static void poll_remember(struct services *s, const struct call *c)
{
    struct service_poll *last = &s->poll[SERVICE_REPEATS - 1];
    report_repeats(s, last);
    *last = (struct service_poll){.vector = c->vector, .function = c->ax & c->row->mask};
    memcpy(last->words, c->words, strlen(c->words));
    poll_to_front(s, SERVICE_REPEATS - 1);
}

/* A program that has asked for a key a thousand times in vain waits for a person. From then on each such call takes as long as one does where
 * a keyboard on USB is emulated by the firmware's system management mode, so that a prompt is not a billion steps a second. */
static void slow_down(struct services *s, const struct service_poll *p)
{
    enum { KEYBOARD = 0x16, IN_VAIN = 1000, POLL_NS = 50000 };
    if (p->vector == KEYBOARD && p->count > IN_VAIN && board_behaves(s->board, 15))
        board_pass(s->board, POLL_NS);
}

/* If the call is the same as an earlier one, it is counted. Else it is stored for comparison with the next;
 * if only its result differs, the loop has ended. */
static bool poll_again(struct services *s, const struct call *c)
{
    for (unsigned i = 0; i < SERVICE_REPEATS; i++) {
        struct service_poll *p = &s->poll[i];
        if (p->vector != c->vector || p->function != (c->ax & c->row->mask))
            continue;
        if (strcmp((const char *)p->words, c->words)) {
            report_all_repeats(s);
            forget_repeats(s);
            break;
        }
        p->count++;
        p->steps += c->steps;
        p->last = now(s);
        poll_to_front(s, i);
        slow_down(s, &s->poll[0]);
        return true;
    }
    poll_remember(s, c);
    return false;
}

/* ---------------------------------------------------------------- text */

static void report_line(struct services *s)
{
    if (!s->line_length)
        return;
    struct event ev = {.kind = EV_SERVICE_TEXT, .data = s->line, .len = s->line_length};
    ev.f[EVF_SERVICE_TEXT_calls] = s->line_calls;
    ev.f[EVF_SERVICE_TEXT_steps] = s->line_steps;
    ev.f[EVF_SERVICE_TEXT_start] = s->line_start;
    ev.f[EVF_SERVICE_TEXT_row] = s->line_row;
    ev.f[EVF_SERVICE_TEXT_column] = s->line_col;
    board_event(s->board, &ev);
}

static void end_line(struct services *s)
{
    report_line(s);
    memset(s->line, 0, sizeof s->line);
    s->line_length = 0;
    s->line_row = s->line_col = 0;
    s->line_calls = s->line_steps = s->line_start = 0;
    s->wrapped = false;
}

static void write_character(struct services *s, uint8_t c, uint64_t start)
{
    char utf8[4];
    unsigned n = vga_utf8(c, utf8);
    if (s->wrapped || s->line_length + n > SERVICE_LINE)
        end_line(s);
    if (!s->line_length) {
        s->line_start = start;
        s->line_row = s->at_known ? s->row : UNKNOWN;
        s->line_col = s->at_known ? s->col : UNKNOWN;
    }
    memcpy(s->line + s->line_length, utf8, n);
    s->line_length = (uint16_t)(s->line_length + n);
    s->col++;
}

static void erase_character(struct services *s)
{
    while (s->line_length && (s->line[--s->line_length] & 0xc0) == 0x80)
        ;
    s->line[s->line_length] = 0;
    s->col -= s->col > 0;
}

/* Teletype: BEL, BS, LF and CR are control characters, all others are shown. */
static void teletype(struct services *s, uint8_t c, uint64_t start)
{
    switch (c) {
    case 7:
        break;
    case 8:
        erase_character(s);
        break;
    case '\n':
        end_line(s);
        s->at_known = false;
        break;
    case '\r': /* what follows overwrites the line, unless it is LF */
        s->wrapped = s->line_length > 0;
        s->col = 0;
        break;
    default:
        write_character(s, c, start);
    }
}

/* The cursor was set, or is known now: text continues only from there. */
static void cursor_at(struct services *s, unsigned row, unsigned col, bool set)
{
    if (s->at_known ? row != s->row || col != s->col : set)
        end_line(s);
    s->row = (uint8_t)row;
    s->col = (uint8_t)col;
    s->at_known = true;
}

/* ---------------------------------------------------------------- reporting */

void services_flush(struct services *s, bool end)
{
    report_all_repeats(s);
    if (end) {
        report_line(s);
        return;
    }
    forget_repeats(s);
    end_line(s);
    s->output = false;
}

static void report_call(struct services *s, const struct call *c, const struct service_regs *r)
{
    struct event ev = {.kind = EV_SERVICE, .data = c->words, .len = (uint32_t)strlen(c->words)};
    ev.f[EVF_SERVICE_vector] = c->vector;
    ev.f[EVF_SERVICE_function] = c->ax & c->row->mask;
    ev.f[EVF_SERVICE_carry] = c->failed;
    ev.f[EVF_SERVICE_ax] = r->eax & 0xffff;
    ev.f[EVF_SERVICE_bx] = r->ebx & 0xffff;
    ev.f[EVF_SERVICE_cxdx] = (r->ecx & 0xffff) << 16 | (r->edx & 0xffff);
    ev.f[EVF_SERVICE_caller] = c->caller;
    ev.f[EVF_SERVICE_steps] = c->steps;
    board_event(s->board, &ev);
}

/* Handles a call that writes text or moves the cursor. False if it is to be reported like any other. */
static bool output_call(struct services *s, const struct call *c, const struct service_regs *r)
{
    unsigned flags = c->row->flags;
    bool quiet = s->output;
    if (!(flags & SVC_OUTPUT) || (flags & SVC_CELL && c->cx != 1)) {
        s->output = false;
        return false;
    }
    s->output = true;
    if (flags & SVC_TEXT)
        teletype(s, (uint8_t)c->ax, c->start);
    else if (flags & SVC_CELL)
        write_character(s, (uint8_t)c->ax, c->start);
    else
        cursor_at(s, r->edx >> 8 & 0xff, r->edx & 0xff, (c->ax >> 8) == 2);
    if (s->line_length) {
        s->line_calls++;
        s->line_steps += c->steps;
    }
    return !(flags & SVC_CURSOR) || quiet || s->line_length;
}

/* Whether a key or a character has come, and what time it is. */
static void count_poll(struct services *s, const struct call *c)
{
    enum { SERIAL = 0x14, SYSTEM = 0x15, KEYBOARD = 0x16, CLOCK = 0x1a };
    struct engine_polls *polls = board_polls(s->board);
    if (!(c->row->flags & SVC_POLL))
        return;
    polls->input += c->vector == KEYBOARD || c->vector == SERIAL;
    polls->timer += c->vector == CLOCK || c->vector == SYSTEM;
}

static void report(struct services *s, const struct call *c, const struct service_regs *r)
{
    count_poll(s, c);
    bool shown = !output_call(s, c, r);
    if (!s->output)
        end_line(s);
    if (shown && c->row->flags & SVC_POLL) {
        if (poll_again(s, c))
            return;
    } else {
        report_all_repeats(s);
        forget_repeats(s);
    }
    if (shown)
        report_call(s, c, r);
}

/* ---------------------------------------------------------------- calls in progress */

/* Removes call `i`. */
static void forget_call(struct services *s, unsigned i)
{
    unsigned after = --s->depth - i;
    memmove(&s->call[i], &s->call[i + 1], after * sizeof s->call[0]);
    memset(&s->call[s->depth], 0, sizeof s->call[0]);
}

/* A call that was executed up to and including the current instruction, described by `words`. */
static struct call call_of(const struct services *s, const struct service_call *c, char words[SERVICE_WORDS])
{
    memcpy(words, c->words, SERVICE_WORDS);
    return (struct call){.row = service_row(c->vector, c->ax),
                         .vector = c->vector,
                         .ax = c->ax,
                         .cx = c->cx,
                         .caller = c->caller,
                         .start = c->icount,
                         .steps = now(s) - c->icount + 1,
                         .words = words};
}

static void did_not_return(struct services *s, unsigned i)
{
    static const char tail[] = " -> did not return";
    char words[SERVICE_WORDS + sizeof tail];
    struct service_regs none = {0};
    struct call c = call_of(s, &s->call[i], words);
    strcat(words, tail);
    if (!(c.row->flags & SVC_AWAY))
        report_call(s, &c, &none);
    forget_call(s, i);
}

static void on_interrupt(void *ctx, unsigned cpu, uint8_t vector, uint64_t stack, uint64_t caller,
                         uint64_t next)
{
    struct services *s = ctx;
    struct service_regs r;
    if (vector < SERVICE_FIRST || vector > SERVICE_LAST)
        return;
    /* A call from the same stack position means that the earlier one did not return (or that the INT
     * faulted). */
    for (unsigned i = s->depth; i-- > 0;)
        if (s->call[i].cpu == cpu && s->call[i].stack == stack)
            did_not_return(s, i);
    if (s->depth == SERVICE_DEPTH)
        did_not_return(s, 0);
    read_regs(s, cpu, &r);
    struct service_call *saved = &s->call[s->depth++];
    *saved = (struct service_call){.cpu = (uint8_t)cpu,
                                   .vector = vector,
                                   .ax = (uint16_t)r.eax,
                                   .cx = (uint16_t)r.ecx,
                                   .stack = stack,
                                   .next = next,
                                   .caller = caller,
                                   .icount = now(s)};
    const struct service_row *row = service_row(vector, saved->ax);
    service_call_words(row, &r, vector, s->board, cpu, (char *)saved->words, SERVICE_WORDS);
    if (!(row->flags & SVC_OUTPUT)) { /* report text written before, ahead of this call */
        end_line(s);
        s->output = false;
    }
    if (!(row->flags & SVC_AWAY))
        return;
    s->booting = true;
    char words[SERVICE_WORDS];
    struct call c = call_of(s, saved, words);
    c.steps = 0;
    services_flush(s, false);
    report_call(s, &c, &r);
}

/* The vectors of services, in real mode: offset and segment; 0 where they cannot be read. */
struct vectors {
    uint16_t entry[SERVICE_LAST - SERVICE_FIRST + 1][2];
};
static struct vectors read_vectors(const struct services *s, struct x86 *x)
{
    enum { PAGE = 4096 };
    struct vectors v = {0};
    const uint64_t first = x86_vectors(x) + SERVICE_FIRST * sizeof v.entry[0];
    struct physmem *mem = board_mem(s->board);
    for (unsigned done = 0, part; done < sizeof v; done += part) {
        const uint64_t at = first + done, room = PAGE - at % PAGE;
        uint64_t pa;
        part = (unsigned)(room < sizeof v - done ? room : sizeof v - done);
        if (x86_translate(x, at, &pa) && physmem_mapped(mem, pa, part))
            physmem_read(mem, pa, (char *)v.entry + done, part);
    }
    return v;
}

/* A handler shared by several vectors does not show which service is meant. */
static void on_far_call(void *ctx, unsigned cpu, uint64_t target, uint64_t stack, uint64_t caller,
                        uint64_t next)
{
    struct services *s = ctx;
    const struct vectors v = read_vectors(s, board_cpu(s->board, cpu));
    unsigned found = 0, vector = 0;
    for (unsigned i = 0; i <= SERVICE_LAST - SERVICE_FIRST; i++)
        if (((uint64_t)v.entry[i][1] << 4) + v.entry[i][0] == target) {
            vector = SERVICE_FIRST + i;
            found++;
        }
    if (found == 1)
        on_interrupt(s, cpu, (uint8_t)vector, stack, caller, next);
}

static void on_far_return(void *ctx, unsigned cpu, uint64_t stack, uint64_t next)
{
    struct services *s = ctx;
    unsigned i = s->depth;
    while (i-- > 0)
        if (s->call[i].cpu == cpu && s->call[i].stack == stack && s->call[i].next == next)
            break;
    if (i >= s->depth)
        return;
    for (unsigned k = s->depth; --k > i;)
        if (s->call[k].cpu == cpu)
            did_not_return(s, k);
    struct service_regs r;
    char words[SERVICE_WORDS];
    struct call c = call_of(s, &s->call[i], words);
    read_regs(s, cpu, &r);
    forget_call(s, i);
    service_result_words(c.row, &r, s->board, cpu, words, strlen(words), sizeof words, &c.failed);
    if (!(c.row->flags & SVC_AWAY))
        report(s, &c, &r);
}

/* Text written through the BIOS is complete: an operating system is running. */
static void on_paging(void *ctx, unsigned cpu)
{
    (void)cpu;
    services_flush(ctx, false);
}

struct x86_hooks services_hooks(struct services *s)
{
    return (struct x86_hooks){.ctx = s,
                              .interrupt = on_interrupt,
                              .far_call = on_far_call,
                              .far_return = on_far_return,
                              .paging = on_paging};
}
