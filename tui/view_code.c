/* view_code.c - the code around the position, with the path that was and will be executed; the stack. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "core/symbols/debug.h"
#include "tui/app_impl.h"
#include "tui/disasm.h"

enum { WAY = 48, ROWS_AFTER = 200, BACK_MOST = 4096, GUESS = 64, FRAMES = 32, WORDS = 64, WIDE = 90 };

/* A step of the path around the position. */
struct way_step {
    uint64_t icount, pc;
    struct insn insn;
};

struct code_state {
    uint64_t epoch; /* of the way */
    struct way_step step[2 * WAY + 1];
    size_t n, here;
    bool have_way, by_path, tried; /* tried: it cannot be known, since the trace is damaged before here */
    uint64_t anchor;               /* an address that is shown instead of the pc, or 0 */
    uint64_t anchor_epoch;
    char missing[200]; /* a source file of what is shown that was not found */
};

static struct code_state *code_state(struct app *a)
{
    struct pane *p = &a->pane[VIEW_CODE];
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct code_state));
    return p->state;
}

/* ---------------------------------------------------------------- the way */

static void take_step(struct app *a, struct code_state *st)
{
    struct way_step *w = &st->step[st->n++];
    unsigned cpu = a->s->where.cpu;
    struct disasm d;
    w->icount = timeline_icount(a->s->tl);
    w->pc = timeline_pc(a->s->tl, cpu);
    disasm_begin(&d, a->s->tl, cpu);
    disasm_at(&d, w->pc, &w->insn);
    disasm_end(&d);
}

/* Goes back a little, steps past the position and returns to it. The session's state is not affected. Does nothing
 * yet if that would take long and a key waits. */
static void find_way(struct app *a, struct code_state *st)
{
    if (!app_prepare_here(a))
        return;
    uint64_t here = a->s->where.icount, from = here > WAY ? here - WAY : 0;
    uint64_t to = here + WAY < a->s->where.last ? here + WAY : a->s->where.last;
    struct timeline_stopped s = {.reason = TIMELINE_DONE};
    st->n = 0;
    st->epoch = a->s->epoch;
    timeline_set_progress(a->s->tl, NULL, NULL);
    if (!timeline_seek(a->s->tl, from, &s, NULL)) {
        take_step(a, st);
        while (timeline_icount(a->s->tl) < to && st->n < 2 * WAY + 1 &&
               !timeline_step(a->s->tl, TIMELINE_FORWARD, 1, &s, NULL) && s.reason == TIMELINE_DONE)
            take_step(a, st);
    }
    timeline_seek(a->s->tl, here, &s, NULL);
    session_progress_again(a->s);
    for (st->here = 0; st->here + 1 < st->n && st->step[st->here].icount < here;)
        st->here++;
    st->have_way = st->n > 0;
    st->tried = true;
}

static bool way_known(struct app *a, const struct code_state *st)
{
    return st->have_way && st->epoch == a->s->epoch;
}

/* -1 if executed before this position, 1 if executed after it (or both), 0 if neither. */
static int on_way(struct app *a, const struct code_state *st, uint64_t linear)
{
    int found = 0;
    for (size_t i = 0; way_known(a, st) && i < st->n; i++)
        if (st->step[i].pc == linear && i != st->here) {
            if (i > st->here)
                return 1;
            found = -1;
        }
    return found;
}

/* ---------------------------------------------------------------- where to begin reading */

/* Whether disassembling from `start` arrives at `pc`. */
static bool meets(struct disasm *d, uint64_t start, uint64_t pc)
{
    struct insn in;
    while (start < pc) {
        if (!disasm_at(d, start, &in) || in.kind == INSN_BAD)
            return false;
        start += in.size;
    }
    return start == pc;
}

/* An address before pc from which disassembly arrives at pc: the symbol's beginning, or an address that was
 * executed, or else any address that works. */
static uint64_t start_before(struct app *a, struct disasm *d, uint64_t pc)
{
    const struct symbols *sy = story_symbols(a->s->story);
    const struct code_state *st = code_state(a);
    struct symbol sym;
    uint64_t best = pc;
    if (sy && symbols_at(sy, session_space(a->s), pc, a->s->where.icount, &sym, NULL) &&
        pc - sym.address < BACK_MOST && meets(d, sym.address, pc))
        return sym.address;
    for (size_t i = 0; way_known(a, st) && i < st->n; i++)
        if (st->step[i].pc < best && pc - st->step[i].pc < GUESS && meets(d, st->step[i].pc, pc))
            best = st->step[i].pc;
    for (uint64_t back = GUESS; best == pc && back > 1; back--)
        if (pc >= back && meets(d, pc - back, pc))
            best = pc - back;
    return best;
}

/* ---------------------------------------------------------------- rows */

static enum style mnemonic_style(const struct insn *in)
{
    return in->kind == INSN_PLAIN || in->kind == INSN_REPEAT ? STYLE_MNEMONIC
           : in->kind == INSN_BAD                            ? STYLE_WARNING
                                                             : STYLE_BRANCH;
}

static void add_insn(struct app *a, struct doc *d, const struct insn *in, int width)
{
    char symbol[200];
    unsigned digits = in->linear >> 32 ? 16 : 8;
    doc_add(d, STYLE_ADDRESS, "%0*" PRIx64 " ", (int)digits, in->linear);
    int at = d->row[d->n - 1].n;
    if (width >= 74) {
        for (unsigned i = 0; i < in->size && i < 8; i++)
            doc_add(d, STYLE_DIM, "%02x", in->bytes[i]);
        if (in->size > 8)
            doc_add(d, STYLE_DIM, "\xe2\x80\xa6");
        doc_pad(d, at + 18);
    }
    doc_add(d, mnemonic_style(in), "%-7s ", in->mnemonic);
    if (in->has_target && *session_symbol(a->s, in->target, symbol, sizeof symbol))
        doc_add(d, STYLE_SYMBOL, "%s", symbol);
    else
        doc_add(d, STYLE_NORMAL, "%s", in->operands);
}

/* Writes the beginning of the line. */
static void add_gutter(struct app *a, struct doc *d, uint64_t linear, bool here)
{
    int way = on_way(a, code_state(a), linear);
    if (session_stop_at(a->s, TS_BREAK_LINEAR, linear))
        doc_add(d, STYLE_ERROR, "\xe2\x97\x8f");
    else
        doc_add(d, STYLE_NORMAL, " ");
    if (here)
        doc_add(d, STYLE_HERE, "\xe2\x96\xb8");
    else if (way)
        doc_add(d, way < 0 ? STYLE_PAST : STYLE_FUTURE, "%s", way < 0 ? "\xe2\x94\x82" : "\xe2\x94\x86");
    else
        doc_add(d, STYLE_NORMAL, " ");
}

/* What the heads of the rows so far said. */
struct heads {
    char symbol[200];
    unsigned line;
};

static void add_source(struct app *a, struct doc *d, uint64_t linear, const char *file, unsigned line)
{
    char text[160];
    doc_row(d, ROW_HEAD, linear);
    doc_add(d, STYLE_DIM, "   %s:%u", a->pane[VIEW_CODE].w < WIDE ? path_name(file) : file, line);
    if (source_line(&a->sources, file, line, text, sizeof text))
        doc_add(d, STYLE_LABEL, "  %s", text);
    else
        snprintf(code_state(a)->missing, sizeof code_state(a)->missing, "%s", file);
}

/* "start_kernel:" where a function begins, and the source line where it changes. */
static void add_heads(struct app *a, struct doc *d, uint64_t linear, struct heads *h)
{
    const struct symbols *sy = story_symbols(a->s->story);
    struct symbol sym;
    const char *file;
    unsigned line;
    if (!sy)
        return;
    if (symbols_at(sy, session_space(a->s), linear, a->s->where.icount, &sym, NULL) &&
        strncmp(h->symbol, sym.name, sizeof h->symbol - 1)) {
        snprintf(h->symbol, sizeof h->symbol, "%s", sym.name);
        doc_row(d, ROW_HEAD, linear);
        doc_add(d, STYLE_SYMBOL, "%s", sym.name);
        if (sym.address != linear)
            doc_add(d, STYLE_DIM, "+0x%" PRIx64, linear - sym.address);
        if (strcmp(sym.module, "kernel"))
            doc_add(d, STYLE_DIM, "  [%s]", sym.module);
    }
    if (symbols_line(sy, session_space(a->s), linear, a->s->where.icount, &file, &line) && line != h->line) {
        h->line = line;
        add_source(a, d, linear, file, line);
    }
}

static void address_order(struct app *a, struct pane *p, uint64_t middle)
{
    struct doc *d = &p->doc;
    struct disasm dis;
    struct insn in;
    struct heads h = {0};
    unsigned after = 0;
    uint64_t pc = timeline_pc(a->s->tl, a->s->where.cpu);
    disasm_begin(&dis, a->s->tl, a->s->where.cpu);
    for (uint64_t at = start_before(a, &dis, middle); after < ROWS_AFTER && disasm_at(&dis, at, &in);
         at += in.size) {
        add_heads(a, d, at, &h);
        doc_row(d, ROW_ADDRESS, at);
        add_gutter(a, d, at, at == pc);
        add_insn(a, d, &in, p->w);
        after += at >= middle;
    }
    disasm_end(&dis);
    if (!d->n)
        doc_line(d, STYLE_WARNING, " no memory at 0x%" PRIx64 ": the next step is a fault", middle);
}

static void path_order(struct app *a, struct pane *p)
{
    struct code_state *st = code_state(a);
    char symbol[200], last[200] = "";
    for (size_t i = 0; i < st->n; i++) {
        const struct way_step *w = &st->step[i];
        session_symbol(a->s, w->pc, symbol, sizeof symbol);
        symbol[strcspn(symbol, "+ ")] = 0;
        if (strcmp(symbol, last)) {
            doc_row(&p->doc, ROW_HEAD, w->pc);
            doc_add(&p->doc, STYLE_SYMBOL, "%s", symbol);
            strcpy(last, symbol);
        }
        doc_row(&p->doc, ROW_ICOUNT, w->icount);
        if (i == st->here)
            doc_add(&p->doc, STYLE_HERE, "\xe2\x96\xb8");
        else
            doc_add(&p->doc, STYLE_NORMAL, " ");
        doc_add(&p->doc, i < st->here ? STYLE_PAST : STYLE_FUTURE, "%+5d ", (int)i - (int)st->here);
        add_insn(a, &p->doc, &w->insn, p->w);
    }
}

static uint64_t middle_of(struct app *a)
{
    struct code_state *st = code_state(a);
    if (st->anchor && st->anchor_epoch == a->s->epoch)
        return st->anchor;
    return timeline_pc(a->s->tl, a->s->where.cpu);
}

static void code_build(struct app *a, struct pane *p)
{
    struct code_state *st = code_state(a);
    bool tried = st->tried && st->epoch == a->s->epoch;
    if (!a->s->where.diverted && !way_known(a, st) && !tried && (a->scripted || st->by_path))
        find_way(a, st);
    doc_clear(&p->doc);
    st->missing[0] = 0;
    if (st->by_path && way_known(a, st))
        path_order(a, p);
    else
        address_order(a, p, middle_of(a));
}

static void code_follow(struct app *a, struct pane *p)
{
    struct code_state *st = code_state(a);
    uint64_t middle = middle_of(a);
    for (size_t i = 0; i < p->doc.n; i++) {
        const struct doc_row *r = &p->doc.row[i];
        if ((r->kind == ROW_ADDRESS && r->value == middle && !st->by_path) ||
            (r->kind == ROW_ICOUNT && r->value == a->s->where.icount)) {
            size_t lines = (size_t)pane_lines(p);
            p->sel = i;
            p->top = i > lines / 2 ? i - lines / 2 : 0;
        }
    }
}

/* Idle work. */
static bool code_idle(struct app *a, struct pane *p)
{
    struct code_state *st = code_state(a);
    if (a->s->where.diverted || way_known(a, st) || (st->tried && st->epoch == a->s->epoch))
        return false;
    find_way(a, st);
    p->stale = true;
    return true;
}

static void code_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    char place[48], symbol[200];
    session_symbol(a->s, timeline_pc(a->s->tl, a->s->where.cpu), symbol, sizeof symbol);
    const char *missing = code_state(a)->missing;
    if (p->w < WIDE)
        missing = path_name(missing);
    snprintf(buf, size, "%s%s%s%s%s%s%s", view_place_text(timeline_look(a->s->tl), a->s->where.cpu, place),
             *symbol ? " " : "", symbol, code_state(a)->by_path ? ", as executed" : "",
             *missing ? "; no " : "", missing, *missing ? ": :directory FOLDER" : "");
}

/* The selected address, or the pc if none is selected. */
uint64_t code_selected(struct app *a)
{
    struct pane *p = &a->pane[VIEW_CODE];
    if (p->w && p->sel < p->doc.n && p->doc.row[p->sel].kind == ROW_ADDRESS)
        return p->doc.row[p->sel].value;
    return timeline_pc(a->s->tl, a->s->where.cpu);
}

static enum react run_to_row(struct app *a, const struct doc_row *r)
{
    unsigned id;
    struct timeline_stop stop = {.kind = TS_BREAK_LINEAR, .address = r->value, .length = 1};
    if (r->kind == ROW_ICOUNT)
        return app_moved(a, session_seek(a->s, r->value));
    if (r->kind != ROW_ADDRESS)
        return REACT_NONE;
    bool had = session_stop_at(a->s, TS_BREAK_LINEAR, r->value);
    if (!had && timeline_stop_add(a->s->tl, &stop, &id, NULL))
        return REACT_NONE;
    enum move m = session_continue(a->s, TIMELINE_FORWARD);
    if (!had)
        timeline_stop_remove(a->s->tl, id);
    return app_moved(a, m);
}

static enum react code_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    struct code_state *st = code_state(a);
    switch (c) {
    case CMD_PATH:
        st->by_path = !st->by_path && !a->s->where.diverted;
        p->epoch = 0;
        return REACT_DRAW;
    case CMD_ENTER:
        return p->sel < p->doc.n ? run_to_row(a, &p->doc.row[p->sel]) : REACT_NONE;
    default:
        return REACT_UNKNOWN;
    }
}

/* Shows the code at an address, until the next move. */
static void code_show(struct app *a, uint64_t linear)
{
    struct code_state *st = code_state(a);
    st->anchor = linear;
    st->anchor_epoch = a->s->epoch;
    st->by_path = false;
    a->pane[VIEW_CODE].epoch = 0;
}

const struct view code_view = {.build = code_build,
                               .follow = code_follow,
                               .title = code_title,
                               .command = code_command,
                               .idle = code_idle};

/* ---------------------------------------------------------------- the stack */

/* A call may be a function's last instruction, so a return address is looked up by the byte before it. */
static const char *caller_text(struct app *a, uint64_t pc, char buf[200])
{
    const struct symbols *sy = session_frame_symbols(a->s, pc - 1);
    struct symbol sym;
    if (!sy || !symbols_at(sy, session_space(a->s), pc - 1, a->s->where.icount, &sym, NULL))
        return "";
    bool kernel = !strcmp(sym.module, "kernel");
    snprintf(buf, 200, "%s+0x%" PRIx64 "%s%s%s", sym.name, pc - sym.address, kernel ? "" : " [",
             kernel ? "" : sym.module, kernel ? "" : "]");
    return buf;
}

/* The functions that the compiler has put into a frame's function there, which have no number. */
static void add_inlined(struct app *a, struct doc *d, const struct symbols *sy, const struct view_frame *f)
{
    struct debug_place place[DEBUG_PLACES];
    const size_t n =
        symbols_places(sy, session_space(a->s), f->pc - f->called, a->s->where.icount, place, DEBUG_PLACES);
    for (size_t i = 0; i + 1 < n; i++) {
        doc_row(d, ROW_ADDRESS, f->pc);
        doc_add(d, STYLE_DIM, "     %*s  ", f->pc >> 32 ? 16 : 8, "inlined");
        doc_add(d, STYLE_SYMBOL, "%s", place[i].function ? place[i].function : "??");
        if (place[i].file)
            doc_add(d, STYLE_DIM, "  %s:%u", place[i].file, place[i].line);
    }
}

static void add_frame(struct app *a, struct doc *d, size_t i, const struct view_frame *f)
{
    const struct symbols *sy = session_frame_symbols(a->s, f->pc - f->called);
    const char *file;
    char symbol[200];
    unsigned line;
    uint64_t at = f->pc - f->called;
    if (sy)
        add_inlined(a, d, sy, f);
    doc_row(d, ROW_ADDRESS, f->pc);
    doc_add(d, STYLE_NUMBER, " #%-2zu ", i);
    doc_add(d, STYLE_ADDRESS, "%0*" PRIx64 "  ", f->pc >> 32 ? 16 : 8, f->pc);
    doc_add(d, f->by == VIEW_FRAME_GUESS ? STYLE_DIM : STYLE_SYMBOL, "%s%s",
            f->by == VIEW_FRAME_GUESS ? "? " : "",
            f->called ? caller_text(a, f->pc, symbol) : session_symbol(a->s, f->pc, symbol, sizeof symbol));
    if (sy && symbols_line(sy, session_space(a->s), at, a->s->where.icount, &file, &line))
        doc_add(d, STYLE_DIM, "  %s:%u", file, line);
    if (f->lost)
        doc_line(d, STYLE_DIM, " the caller is unknown: %s", f->lost);
}

static void add_words(struct app *a, struct doc *d)
{
    unsigned word = timeline_code_bits(a->s->tl, a->s->where.cpu) / 8;
    uint64_t sp = view_stack(timeline_look(a->s->tl), a->s->where.cpu);
    doc_line(d, STYLE_LABEL, " On the stack");
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t v = 0, at = sp + (uint64_t)i * word;
        char symbol[200];
        if (timeline_peek(a->s->tl, a->s->where.cpu, at, &v, word) != word)
            break;
        doc_row(d, ROW_ADDRESS, v);
        doc_add(d, STYLE_DIM, " +%-4x ", i * word);
        doc_add(d, STYLE_NUMBER, "%0*" PRIx64 "  ", (int)word * 2, v);
        doc_add(d, STYLE_SYMBOL, "%s", word > 2 ? session_symbol(a->s, v, symbol, sizeof symbol) : "");
    }
}

static void stack_build(struct app *a, struct pane *p)
{
    struct view_frame f[FRAMES];
    size_t n = session_frames(a->s, f, FRAMES);
    doc_clear(&p->doc);
    for (size_t i = 0; i < n; i++)
        add_frame(a, &p->doc, i, &f[i]);
    add_words(a, &p->doc);
    p->sel = p->top = 0;
}

static enum react stack_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    if (c != CMD_ENTER || p->sel >= p->doc.n || p->doc.row[p->sel].kind != ROW_ADDRESS)
        return REACT_UNKNOWN;
    code_show(a, p->doc.row[p->sel].value);
    if (!a->pane[VIEW_CODE].w)
        return app_command(a, CMD_PAGE_5, NULL);
    return REACT_DRAW;
}

static void stack_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    snprintf(buf, size, "at %" PRIx64 "; ? is a guess", view_stack(timeline_look(a->s->tl), a->s->where.cpu));
}

const struct view stack_view = {.build = stack_build, .command = stack_command, .title = stack_title};
