/* services.c - see services.h.
 *
 * A call is known again at its return by where it goes to: an IRET or RETF 2 to the instruction after the
 * INT, with the stack pointer that was there before it. So handlers may chain to each other, switch stacks or
 * go through protected mode, and a monitor of virtual-8086 mode may do the INT, the IRET or all of the
 * service.
 *
 * An event is reported when its call returns, so its position is that of the return (core/engine.h: positions
 * never go back). Two things are folded, since programs do them thousands of times:
 *   - polling (is there a key? what time is it?): the first is reported, the equal ones after it are
 *     counted, and the count is reported when something else is called;
 *   - characters written one by one: reported as text, a line an event.
 * Text without an end is reported when the processor turns paging on: then an operating system runs.
 */
#include "hv/services.h"

#include <string.h>

/* clang-format off */
const struct field services_fields[] = {
    FIELD(struct services, depth),         FIELDS(struct services, cpu),
    FIELDS(struct services, vector),       FIELDS(struct services, ax),
    FIELDS(struct services, cx),           FIELDS(struct services, stack),
    FIELDS(struct services, next),         FIELDS(struct services, caller),
    FIELDS(struct services, icount),       FIELD_BYTES(struct services, words),
    FIELDS(struct services, poll_vector),  FIELDS(struct services, poll_count),
    FIELDS(struct services, poll_steps),   FIELDS(struct services, poll_last),
    FIELDS(struct services, poll_function), FIELD_BYTES(struct services, poll_words),
    FIELD(struct services, output),        FIELD(struct services, at_known),
    FIELD(struct services, wrapped),       FIELD(struct services, row),
    FIELD(struct services, col),           FIELD(struct services, line_length),
    FIELD(struct services, line_row),      FIELD(struct services, line_col),
    FIELD(struct services, line_calls),    FIELD(struct services, line_steps),
    FIELD(struct services, line_start),    FIELD_BYTES(struct services, line),
};
/* clang-format on */
const size_t services_nfields = FIELD_COUNT(services_fields);

enum { UNKNOWN = 255, FIRST_VECTOR = 0x10, LAST_VECTOR = 0x1a };
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
        good = ends(s->words[i]) &&
               (i >= s->depth || (s->vector[i] >= FIRST_VECTOR && s->vector[i] <= LAST_VECTOR));
    for (unsigned i = 0; good && i < SERVICE_REPEATS; i++)
        good = ends(s->poll_words[i]);
    if (good)
        return 0;
    memset(s, 0, STATE_SIZE);
    return -1;
}

/* ---------------------------------------------------------------- registers */

static void read_regs(struct services *s, unsigned cpu, struct service_regs *r)
{
    const struct x86 *x = board_cpu(s->board, cpu);
    *r = (struct service_regs){
        .eax = (uint32_t)x86_get(x, "rax"),
        .ebx = (uint32_t)x86_get(x, "rbx"),
        .ecx = (uint32_t)x86_get(x, "rcx"),
        .edx = (uint32_t)x86_get(x, "rdx"),
        .esi = (uint32_t)x86_get(x, "rsi"),
        .edi = (uint32_t)x86_get(x, "rdi"),
        .ebp = (uint32_t)x86_get(x, "rbp"),
        .ds = (uint16_t)x86_get(x, "ds"),
        .es = (uint16_t)x86_get(x, "es"),
        .flags = (uint16_t)x86_get(x, "eflags"),
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

static void report_repeats(struct services *s, unsigned i)
{
    if (!s->poll_count[i])
        return;
    struct event ev = {.kind = EV_SERVICE_AGAIN, .data = s->poll_words[i]};
    ev.len = (uint32_t)strlen((const char *)s->poll_words[i]);
    ev.f[EVF_SERVICE_AGAIN_vector] = s->poll_vector[i];
    ev.f[EVF_SERVICE_AGAIN_count] = s->poll_count[i];
    ev.f[EVF_SERVICE_AGAIN_steps] = s->poll_steps[i];
    ev.f[EVF_SERVICE_AGAIN_last] = s->poll_last[i];
    board_event(s->board, &ev);
}

/* In the order in which they were seen last. */
static void report_all_repeats(struct services *s)
{
    for (unsigned i = SERVICE_REPEATS; i-- > 0;)
        report_repeats(s, i);
}

static void forget_repeats(struct services *s)
{
    memset(s->poll_vector, 0, sizeof s->poll_vector);
    memset(s->poll_function, 0, sizeof s->poll_function);
    memset(s->poll_count, 0, sizeof s->poll_count);
    memset(s->poll_steps, 0, sizeof s->poll_steps);
    memset(s->poll_last, 0, sizeof s->poll_last);
    memset(s->poll_words, 0, sizeof s->poll_words);
}

/* Puts entry `i` first, those before it one further. */
static void poll_to_front(struct services *s, unsigned i)
{
    uint8_t words[SERVICE_WORDS], vector = s->poll_vector[i];
    uint16_t function = s->poll_function[i];
    uint64_t count = s->poll_count[i], steps = s->poll_steps[i], last = s->poll_last[i];
    memcpy(words, s->poll_words[i], SERVICE_WORDS);
    for (; i; i--) {
        s->poll_vector[i] = s->poll_vector[i - 1];
        s->poll_function[i] = s->poll_function[i - 1];
        s->poll_count[i] = s->poll_count[i - 1];
        s->poll_steps[i] = s->poll_steps[i - 1];
        s->poll_last[i] = s->poll_last[i - 1];
        memcpy(s->poll_words[i], s->poll_words[i - 1], SERVICE_WORDS);
    }
    s->poll_vector[0] = vector;
    s->poll_function[0] = function;
    s->poll_count[0] = count;
    s->poll_steps[0] = steps;
    s->poll_last[0] = last;
    memcpy(s->poll_words[0], words, SERVICE_WORDS);
}

/* Takes the place of the one that was seen longest ago. */
static void poll_remember(struct services *s, const struct call *c)
{
    unsigned i = SERVICE_REPEATS - 1;
    report_repeats(s, i);
    memset(s->poll_words[i], 0, SERVICE_WORDS);
    memcpy(s->poll_words[i], c->words, strlen(c->words));
    s->poll_vector[i] = c->vector;
    s->poll_function[i] = c->ax & c->row->mask;
    s->poll_count[i] = s->poll_steps[i] = s->poll_last[i] = 0;
    poll_to_front(s, i);
}

/* Is the same as one before: it is counted. Else it is remembered, for the next; if only its result is
 * another, the loop has ended. */
static bool poll_again(struct services *s, const struct call *c)
{
    for (unsigned i = 0; i < SERVICE_REPEATS; i++) {
        if (s->poll_vector[i] != c->vector || s->poll_function[i] != (c->ax & c->row->mask))
            continue;
        if (strcmp((const char *)s->poll_words[i], c->words)) {
            report_all_repeats(s);
            forget_repeats(s);
            break;
        }
        poll_to_front(s, i);
        s->poll_count[0]++;
        s->poll_steps[0] += c->steps;
        s->poll_last[0] = now(s);
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
    char utf8[3];
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

/* Teletype: BEL, BS, LF and CR act, all else is shown. */
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
    case '\r': /* what comes now overwrites the line, if it is not LF */
        s->wrapped = s->line_length > 0;
        s->col = 0;
        break;
    default:
        write_character(s, c, start);
    }
}

/* The cursor was set or is known now: text goes on only where it is. */
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

/* A call that writes text or moves the cursor. False: it is reported as any other. */
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

static void report(struct services *s, const struct call *c, const struct service_regs *r)
{
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

/* ---------------------------------------------------------------- calls that are under way */

static void shift(void *array, unsigned i, unsigned n, size_t size)
{
    char *a = array;
    memmove(a + i * size, a + (i + 1) * size, (n - i - 1) * size);
    memset(a + (n - 1) * size, 0, size);
}

/* Takes call `i` out. */
static void forget_call(struct services *s, unsigned i)
{
    unsigned n = s->depth--;
    shift(s->cpu, i, n, sizeof s->cpu[0]);
    shift(s->vector, i, n, sizeof s->vector[0]);
    shift(s->ax, i, n, sizeof s->ax[0]);
    shift(s->cx, i, n, sizeof s->cx[0]);
    shift(s->stack, i, n, sizeof s->stack[0]);
    shift(s->next, i, n, sizeof s->next[0]);
    shift(s->caller, i, n, sizeof s->caller[0]);
    shift(s->icount, i, n, sizeof s->icount[0]);
    shift(s->words, i, n, sizeof s->words[0]);
}

/* Call `i`, which has been executed up to and with the present instruction, as `words` has it. */
static struct call call_of(const struct services *s, unsigned i, char words[SERVICE_WORDS])
{
    memcpy(words, s->words[i], SERVICE_WORDS);
    return (struct call){.row = service_row(s->vector[i], s->ax[i]),
                         .vector = s->vector[i],
                         .ax = s->ax[i],
                         .cx = s->cx[i],
                         .caller = s->caller[i],
                         .start = s->icount[i],
                         .steps = now(s) - s->icount[i] + 1,
                         .words = words};
}

static void did_not_return(struct services *s, unsigned i)
{
    static const char tail[] = " -> did not return";
    char words[SERVICE_WORDS + sizeof tail];
    struct service_regs none = {0};
    struct call c = call_of(s, i, words);
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
    if (vector < FIRST_VECTOR || vector > LAST_VECTOR)
        return;
    /* A call from the same place of a stack: the one before did not return (or the INT faulted). */
    for (unsigned i = s->depth; i-- > 0;)
        if (s->cpu[i] == cpu && s->stack[i] == stack)
            did_not_return(s, i);
    if (s->depth == SERVICE_DEPTH)
        did_not_return(s, 0);
    read_regs(s, cpu, &r);
    unsigned i = s->depth++;
    uint16_t ax = (uint16_t)r.eax;
    const struct service_row *row = service_row(vector, ax);
    s->cpu[i] = (uint8_t)cpu;
    s->vector[i] = vector;
    s->ax[i] = ax;
    s->cx[i] = (uint16_t)r.ecx;
    s->stack[i] = stack;
    s->next[i] = next;
    s->caller[i] = caller;
    s->icount[i] = now(s);
    service_call_words(row, &r, vector, s->board, cpu, (char *)s->words[i], SERVICE_WORDS);
    if (!(row->flags & SVC_OUTPUT)) { /* what was written comes before what is called now */
        end_line(s);
        s->output = false;
    }
    if (!(row->flags & SVC_AWAY))
        return;
    char words[SERVICE_WORDS];
    struct call c = call_of(s, i, words);
    c.steps = 0;
    services_flush(s, false);
    report_call(s, &c, &r);
}

/* Where the vectors of real mode, or of the 8086 program, are. */
static uint64_t vector_table(struct x86 *x)
{
    enum { FLAG_VM = 1 << 17 };
    return x86_get(x, "eflags") & FLAG_VM ? 0 : x86_get(x, "idtr_base");
}

/* The linear address that a vector points to; 0: it cannot be read. */
static uint64_t handler_of(const struct services *s, struct x86 *x, uint64_t table, unsigned vector)
{
    uint16_t entry[2];                             /* offset, segment */
    uint64_t at = table + vector * sizeof entry, pa; /* an entry does not cross a page */
    if (!x86_translate(x, at, &pa) || !physmem_mapped(board_mem(s->board), pa, sizeof entry))
        return 0;
    physmem_read(board_mem(s->board), pa, entry, sizeof entry);
    return ((uint64_t)entry[1] << 4) + entry[0];
}

/* A handler that several vectors share does not tell which service is wanted. */
static void on_far_call(void *ctx, unsigned cpu, uint64_t target, uint64_t stack, uint64_t caller,
                        uint64_t next)
{
    struct services *s = ctx;
    struct x86 *x = board_cpu(s->board, cpu);
    uint64_t table = vector_table(x);
    unsigned found = 0, vector = 0;
    for (unsigned v = FIRST_VECTOR; v <= LAST_VECTOR; v++)
        if (handler_of(s, x, table, v) == target) {
            vector = v;
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
        if (s->cpu[i] == cpu && s->stack[i] == stack && s->next[i] == next)
            break;
    if (i >= s->depth)
        return;
    for (unsigned k = s->depth; --k > i;)
        if (s->cpu[k] == cpu)
            did_not_return(s, k);
    struct service_regs r;
    char words[SERVICE_WORDS];
    struct call c = call_of(s, i, words);
    read_regs(s, cpu, &r);
    forget_call(s, i);
    service_result_words(c.row, &r, s->board, cpu, words, strlen(words), sizeof words, &c.failed);
    if (!(c.row->flags & SVC_AWAY))
        report(s, &c, &r);
}

/* What was written through the BIOS is complete: an operating system runs. */
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
