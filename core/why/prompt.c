/* prompt.c - see prompt.h.
 *
 * Sources: the BIOS's data (40:1A and 40:1C: head and tail of its keyboard buffer); 16550 datasheet (LSR bit 0); 8042 (status bit 0).
 */
#include <inttypes.h>

#include "core/screen/timeline_screen.h"
#include "core/why/private/prompt.h"
#include "core/case/said.h"

enum { KEYBOARD = 0x16, BUFFER_HEAD = 0x41a, BUFFER_TAIL = 0x41c, STATUS = 0x64, OUTPUT_FULL = 1 };

/* ---------------------------------------------------------------- by what it is seen */

/* The firmware's service that waits for a key is on its way: it compares the ends of the BIOS's buffer. */
static bool bios_waits(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    char name[PLACE_TEXT];
    bool head = false, tail = false;
    for (unsigned i = 0; i < l->nreads; i++) {
        head |= l->read[i].physical == BUFFER_HEAD && !l->read[i].device;
        tail |= l->read[i].physical == BUFFER_TAIL && !l->read[i].device;
    }
    /* Our own firmware halts in wait_for_key (bios/keyboard.c); in older traces in wait_key itself. */
    case_name(c, c->at, cpu, timeline_pc(c->tl, cpu), name);
    if (!(head && tail) && !strstr(name, "wait_for_key") && !strstr(name, "wait_key"))
        return false;
    snprintf(p->what, sizeof p->what, "a key");
    snprintf(p->how, sizeof p->how, "the BIOS's INT 16h waits for a key in its buffer");
    return true;
}

/* INT 16h was called for a key (AH=00h or 10h), and has not come back: whatever firmware it is that waits. */
static bool bios_is_called(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    enum { LOOKED = 20000, READ = 0x00, READ_EXTENDED = 0x10 };
    struct trace_cursor *cur =
        trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_EXCEPTION) | EVENT_CLASS_BIT(EC_FIRMWARE));
    struct error ignored;
    struct event ev;
    bool called = false, over = facts_last(&c->now, EV_KERNEL_FOUND) || (l->does != CPU_HALTED && !l->halts);
    if (!over && !trace_cursor_seek_icount(cur, c->at + 1, &ignored))
        for (unsigned i = 0; i < LOOKED && !called && !over &&
                             trace_cursor_prev(cur, &ev, NULL, &ignored) == 1 && ev.icount > c->now.begin;
             i++) {
            const uint64_t function = ev.kind == EV_SOFTINT ? EVF(&ev, SOFTINT, ax) >> 8 & 0xff : 0;
            over = ev.kind == EV_SERVICE && EVF(&ev, SERVICE, vector) == KEYBOARD;
            called = ev.kind == EV_SOFTINT && ev.cpu == cpu && EVF(&ev, SOFTINT, vector) == KEYBOARD &&
                     (function == READ || function == READ_EXTENDED);
        }
    trace_cursor_close(cur);
    if (!called)
        return false;
    snprintf(p->what, sizeof p->what, "a key");
    snprintf(p->how, sizeof p->how, "it has called the BIOS for a key (INT 16h), which has not come back");
    return true;
}

/* INT 16h was polled shortly before: each such call that finds nothing is folded. */
static bool bios_is_polled(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    enum { LATELY = 200000000 /* ns */, LOOKED = 64 };
    const uint64_t lately = LATELY / (trace_config(c->t)->step_ns ? trace_config(c->t)->step_ns : 1);
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_FIRMWARE));
    struct error ignored;
    struct event ev;
    bool yes = false;
    if (!trace_cursor_seek_icount(cur, c->at + 1, &ignored))
        for (unsigned i = 0; i < LOOKED && !yes && trace_cursor_prev(cur, &ev, NULL, &ignored) == 1; i++) {
            const bool again = ev.kind == EV_SERVICE_AGAIN;
            const uint64_t last = again ? EVF(&ev, SERVICE_AGAIN, last) : ev.icount;
            if ((!again && ev.kind != EV_SERVICE) || ev.icount < c->now.begin)
                continue;
            yes = (again ? EVF(&ev, SERVICE_AGAIN, vector) : EVF(&ev, SERVICE, vector)) == KEYBOARD &&
                  c->at - last < lately;
        }
    trace_cursor_close(cur);
    if (!yes || facts_last(&c->now, EV_KERNEL_FOUND))
        return false;
    snprintf(p->what, sizeof p->what, "a key");
    p->polls = true;
    snprintf(p->how, sizeof p->how, "it asks the BIOS for a key (INT 16h) again and again");
    return true;
}

static const char *serial_name(uint64_t port)
{
    static const struct {
        uint64_t status;
        const char *name;
    } list[] = {{0x3fd, "COM1"}, {0x2fd, "COM2"}, {0x3ed, "COM3"}, {0x2ed, "COM4"}};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].status == port)
            return list[i].name;
    return NULL;
}

/* A loop that reads the line status of a serial port, and looks at the bit that says that a character has come. */
static bool serial_is_polled(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    const char *name = l->port_read ? serial_name(l->port) : NULL;
    if (!name || (l->bits != 1 && l->first_tested != 1))
        return false;
    snprintf(p->what, sizeof p->what, "a character at %s", name);
    snprintf(p->how, sizeof p->how,
             "it reads the line status of %s (port 0x%" PRIx64 ") until a character has come", name, l->port);
    return true;
}

static bool keyboard_is_polled(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    if (!l->port_read || l->port != STATUS || !((l->bits | l->first_tested) & OUTPUT_FULL))
        return false;
    snprintf(p->what, sizeof p->what, "a key");
    snprintf(p->how, sizeof p->how,
             "it reads the keyboard controller's status (port 0x64) until a byte has come");
    return true;
}

static bool line_is_open(struct why_case *c, unsigned line)
{
    uint64_t mask = 0xff, slave = 0xff;
    timeline_field(c->tl, "pic", "chip[0].imr", 0, &mask);
    timeline_field(c->tl, "pic", "chip[1].imr", 0, &slave);
    return line < 8 ? !(mask >> line & 1) : !(mask & 4) && !(slave >> (line - 8) & 1);
}

/* Its interrupts are on, and the keyboard's gets through; its own last line is not ended: a prompt. */
static bool interrupt_is_awaited(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    char text[SAID_TEXT];
    const bool waits =
        l->does == CPU_HALTED || l->halts || (l->does == CPU_LOOPS && (loop_waits(l) || !l->exits));
    if (facts_last(&c->now, EV_KERNEL_FOUND) || !l->interrupts || !waits || !case_go(c, c->at))
        return false;
    const bool key = line_is_open(c, 1), serial = line_is_open(c, 4) || line_is_open(c, 3);
    said_prompt(c, text);
    const size_t n = strlen(text);
    if ((!key && !serial) || !n ||
        !(strchr(">:#$%?]*=&~", text[n - 1]) || strcasestr(text, "press") || strcasestr(text, " key")))
        return false;
    snprintf(p->what, sizeof p->what, "%s", key ? "a key" : "a character");
    snprintf(p->how, sizeof p->how, "interrupts are on, and that of the %s is not masked",
             key ? "keyboard" : "serial port");
    return true;
}

/* Whether a list of names, "the keyboard, COM1", has none but those of devices at which somebody types. */
static bool are_inputs(const char *names)
{
    static const char *const inputs[] = {"the keyboard", "the mouse", "the slave 8259A", "COM1", "COM2"};
    for (const char *p = names; *p; p += strspn(p, ", ")) {
        const size_t n = strcspn(p, ",");
        bool found = false;
        for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
            found |= strlen(inputs[i]) == n && !strncmp(p, inputs[i], n);
        if (!found)
            return false;
        p += n;
    }
    return *names;
}

/* It does nothing but wait for interrupts, and only somebody who types can cause one. */
static bool only_keys_come(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    const bool waits = l->does == CPU_HALTED || (l->does == CPU_LOOPS && !l->exits);
    struct finding ignored = {0};
    struct text why = {0};
    if (facts_last(&c->now, EV_KERNEL_FOUND) || facts_last(&c->now, EV_EFI_START) || !l->interrupts || !waits)
        return false;
    const bool closed = interrupts_closed(c, &ignored, cpu, &why),
               inputs = !closed && why.s && are_inputs(why.s);
    if (inputs) {
        snprintf(p->what, sizeof p->what, "%s", strstr(why.s, "keyboard") ? "a key" : "a character");
        snprintf(p->how, sizeof p->how, "it waits for interrupts, and the only ones that are not masked: %s",
                 why.s);
    }
    find_drop(&ignored);
    free(why.s);
    return inputs;
}

/* A UEFI program that has not returned, while the firmware is idle: it waits for an event. */
static bool program_waits(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    enum { APPLICATION = 9 };
    const struct event *start = NULL;
    char name[60];
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind == EV_EFI_START && EVF(ev, EFI_START, type) == APPLICATION)
            start = ev;
        if (start && ev->kind == EV_EFI_RETURN && EVF(ev, EFI_RETURN, type) == APPLICATION)
            start = NULL;
    }
    if (!start || facts_last(&c->now, EV_KERNEL_FOUND) || facts_last(&c->now, EV_KERNEL_ENTRY) ||
        (l->does != CPU_HALTED && !l->halts))
        return false;
    snprintf(p->what, sizeof p->what, "a key");
    snprintf(p->how, sizeof p->how, "the UEFI program %s has not returned, and the firmware is idle",
             fact_text(start, name, sizeof name));
    return true;
}

bool prompt_waits(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p)
{
    static bool (*const rows[])(struct why_case *, const struct cpu_loop *, unsigned, struct prompt *) = {
        bios_waits,         bios_is_called, bios_is_polled,       serial_is_polled,
        keyboard_is_polled, program_waits,  interrupt_is_awaited, only_keys_come};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (*p = (struct prompt){0}, case_go(c, c->at) && rows[i](c, l, cpu, p))
            return true;
    return false;
}

/* ---------------------------------------------------------------- the verdict */

/* The screen is in a graphics mode, and no text can be read there: a menu, or a complaint. */
static bool is_picture(struct why_case *c)
{
    enum { TEXT = 1 << 16 };
    struct display d = {0};
    if (!case_go(c, c->at) || !timeline_display(c->tl, &d, NULL, 0, NULL, 0) || d.columns || !d.width)
        return false;
    char *text = mem_zero(TEXT, 1);
    const size_t n = timeline_screen(c->tl, text, TEXT);
    free(text);
    return !n;
}

void prompt_verdict(struct why_case *c, struct finding *f, const struct prompt *p)
{
    enum { SHOWN = 40 };
    char text[SAID_TEXT];
    struct text did = {0};
    const char *name = said_name(c);
    said_prompt(c, text);
    const size_t n = strlen(text);
    /* What a prompt ends with matters, not how it begins. */
    const char *end = n > SHOWN ? text + n - SHOWN : text;
    while ((*end & 0xc0) == 0x80)
        end++;
    if (p->polls && activity_lately(c, &did))
        find_verdict(f, WHY_OK_WORKS, c->at,
                     "nothing went wrong: %s is at work, looks for keys, and lately %s",
                     *name ? name : "the program", did.s);
    else if (n)
        find_verdict(f, WHY_OK_PROMPT, c->at, "nothing went wrong: %s waits for %s at the prompt \"%s%s\"",
                     *name ? name : "the program", p->what, end > text ? "…" : "", end);
    else if (is_picture(c))
        find_verdict(
            f, WHY_UNKNOWN_IDLE, c->at,
            "cannot tell: %s waits for %s, and what it shows is drawn in a graphics mode, and cannot be read",
            *name ? name : "the program", p->what);
    else
        find_verdict(f, WHY_OK_PROMPT, c->at, "nothing went wrong: %s waits for %s",
                     *name ? name : "the program", p->what);
    free(did.s);
    find_line(f, c->at, NULL, "%s", p->how);
    find_console(f, c, c->now.begin, c->at, 5);
}
