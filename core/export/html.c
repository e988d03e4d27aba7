/* html.c - a report of one boot: a page that needs nothing else, no script and no network. Its parts come from the trace's
 * events; only the pictures of the screen need the trace to be run. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/out.h"
#include "core/export/private/impl.h"
#include "core/export/report_css.h"
#include "core/run/crash.h"
#include "core/story/guest.h"
#include "core/story/marks.h"
#include "core/views/picture.h"
#include "core/why/why.h"

enum {
    DEEP = 2 /* levels that are shown at first */,
    BAR = 24,
    COLOURS = 8,
    SLOWEST = 30,
    CONSOLE_LINES = 20000
};

/* What the screen shows: all pictures that differ; some of them are shown. */
struct album {
    struct picture *list;
    size_t n;
};

struct page {
    const struct export_options *o;
    const struct story *s;
    FILE *out;
    struct album album;
    bool tasks; /* it is known of some stages whose time it was */
};

/* ---------------------------------------------------------------- text */

static void put(FILE *out, const char *text)
{
    put_html(out, text, strlen(text));
}

static void put_commas(FILE *out, uint64_t n)
{
    char text[NUMBER_TEXT];
    out_words(out, number_commas(text, n));
}

static void put_time(FILE *out, uint64_t ns)
{
    put_seconds(out, ns);
    out_words(out, " s");
}

static void cell_time(FILE *out, uint64_t ns)
{
    out_words(out, "<td class=\"n\">");
    put_time(out, ns);
    out_words(out, "</td>");
}

/* How long something took: less than a microsecond is something, too. */
static void cell_span(FILE *out, uint64_t ns)
{
    if (!ns || ns >= 1000)
        cell_time(out, ns);
    else
        out_print(out, "<td class=\"n\">%" PRIu64 " ns</td>", ns);
}

static void cell_number(FILE *out, uint64_t n)
{
    out_words(out, "<td class=\"n\">");
    put_commas(out, n);
    out_words(out, "</td>");
}

static void cell_text(FILE *out, const char *text)
{
    out_words(out, "<td class=\"name\">");
    put(out, text);
    out_words(out, "</td>");
}

/* A word, in one piece. */
static void cell_word(FILE *out, const char *text)
{
    out_words(out, "<td class=\"word\">");
    put(out, text);
    out_words(out, "</td>");
}

static void begin_table(FILE *out, const char *const *heads)
{
    out_words(out, "<table><thead><tr>");
    for (; *heads; heads++) /* a head that begins with '#' is over numbers */
        out_print(out, "<th%s>%s</th>", **heads == '#' ? " class=\"n\"" : "",
                  **heads == '#' ? *heads + 1 : *heads);
    out_words(out, "</tr></thead><tbody>\n");
}

static void end_table(FILE *out)
{
    out_words(out, "</tbody></table>\n");
}

/* ---------------------------------------------------------------- what was recorded */

static void fact(FILE *out, const char *name, const char *value)
{
    out_words(out, "<div><span class=\"soft\">");
    put(out, name);
    out_words(out, "</span><b>");
    put(out, value);
    out_words(out, "</b></div>\n");
}

static void fact_number(FILE *out, const char *name, uint64_t n)
{
    out_print(out, "<div><span class=\"soft\">%s</span><b>", name);
    put_commas(out, n);
    out_words(out, "</b></div>\n");
}

static void put_facts(const struct page *p)
{
    const struct trace_end *end = trace_end(p->o->trace);
    struct crash_report crash;
    struct error ignored; /* what cannot be read is told where it is needed */
    FILE *out = p->out;
    out_words(out, "<div class=\"facts\">\n");
    bool crashed = !crash_of_trace(p->o->trace, &crash, &ignored) && crash.kind;
    fact(out, "ended", crashed ? crash.text : end ? end->reason : "cut short");
    out_words(out, "<div><span class=\"soft\">guest time</span><b>");
    put_time(out, p->s->end_time);
    out_words(out, "</b></div>\n");
    fact_number(out, "steps", p->s->end);
    fact_number(out, "events", trace_event_count(p->o->trace, EVENT_CLASSES_ALL));
    fact_number(out, "processes", processes_count(p->s->processes));
    out_words(out, "</div>\n");
}

/* The stage that a position is in. */
static void put_place(const struct page *p, uint64_t icount)
{
    const long i = stages_at(p->s->stages, icount);
    if (i < 0)
        return;
    out_words(p->out, ", in the stage ");
    put(p->out, stages_get(p->s->stages, (size_t)i)->name);
}

/* What went wrong, and where, if something did: it comes first. */
static void put_why(const struct page *p)
{
    struct error ignored;
    struct why *w = p->o->kind ? why_ask(p->o->trace, p->o->kind, UINT64_MAX, &ignored) : NULL;
    if (w && w->answer == WHY_WRONG) {
        out_words(p->out, "<p><b>");
        put(p->out, w->verdict);
        out_words(p->out, "</b> <span class=\"soft\">at icount ");
        put_commas(p->out, w->icount);
        put_place(p, w->icount);
        out_words(p->out, "</span></p>\n<table><tbody>\n");
        for (size_t i = 0; i < w->n; i++) {
            char at[32] = "";
            if (w->line[i].placed)
                snprintf(at, sizeof at, "%" PRIu64, w->line[i].icount);
            out_words(p->out, "<tr>");
            cell_text(p->out, at);
            cell_text(p->out, w->line[i].text);
            cell_text(p->out, w->line[i].place);
            out_words(p->out, "</tr>\n");
        }
        end_table(p->out);
    }
    why_free(w);
}

/* A size in the unit that people use. */
static void put_setting(FILE *out, const struct setting *s)
{
    const uint64_t mib = 1 << 20;
    char text[40];
    bool size = !strcmp(s->key, "memory") || !strcmp(s->key, "ram");
    uint64_t n = size ? strtoull(s->value, NULL, 10) : 0;
    if (n && n % mib == 0)
        snprintf(text, sizeof text, "%" PRIu64 " MiB", n / mib);
    cell_text(out, n && n % mib == 0 ? text : s->value);
}

static void put_machine(const struct page *p)
{
    const struct trace_config *cfg = trace_config(p->o->trace);
    FILE *out = p->out;
    out_words(out, "<h2 id=\"machine\">Machine</h2>\n<table><tbody>\n");
    for (size_t i = 0; i < cfg->nsettings; i++) {
        out_words(out, "<tr>");
        cell_word(out, cfg->settings[i].key);
        put_setting(out, &cfg->settings[i]);
        out_words(out, "</tr>\n");
    }
    for (size_t i = 0; i < cfg->nimages; i++) {
        out_words(out, "<tr>");
        cell_word(out, cfg->images[i].role);
        out_words(out, "<td class=\"name\">");
        put(out, cfg->images[i].name);
        out_words(out, ", ");
        put_commas(out, cfg->images[i].size);
        out_words(out, " bytes</td></tr>\n");
    }
    end_table(out);
}

/* ---------------------------------------------------------------- the time line */

static unsigned colour_of(const char *name)
{
    unsigned h = 0, dots = 0; /* of its first two parts, so that stages of one sort look alike */
    for (; *name && (dots += *name == '.') < 2; name++)
        h = h * 31 + (unsigned char)*name;
    return h % COLOURS;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? (double)part * 100.0 / (double)whole : 0;
}

static void put_bar(FILE *out, const struct stage *s, uint64_t begin, uint64_t length, uint64_t whole)
{
    out_print(out, "<div class=\"bar c%u\" style=\"left:%.4f%%;width:%.4f%%;top:%upx\" title=\"",
              colour_of(s->name), percent(begin, whole), percent(length, whole), s->depth * BAR);
    put(out, s->name);
    out_words(out, ", ");
    put_time(out, s->took);
    out_words(out, ", ");
    put_commas(out, s->steps);
    out_words(out, " steps\">");
    if (percent(length, whole) > 1)
        put(out, s->name);
    out_words(out, "</div>\n");
}

/* Stages of too small a part of the whole to be seen are left out: the table has them. */
static bool seen(uint64_t length, uint64_t whole)
{
    return percent(length, whole) >= 0.02;
}

static void put_line(const struct page *p, bool steps)
{
    const struct stages *all = p->s->stages;
    uint64_t whole = steps ? p->s->end : p->s->end_time;
    unsigned deepest = 0;
    for (size_t i = 0; i < stages_count(all); i++)
        if (!stages_get(all, i)->beside && stages_get(all, i)->depth > deepest)
            deepest = stages_get(all, i)->depth;
    out_print(p->out, "<div class=\"line %s\" style=\"height:%upx\">\n", steps ? "steps" : "time",
              (deepest + 1) * BAR);
    for (size_t i = 0; i < stages_count(all); i++) {
        const struct stage *s = stages_get(all, i);
        uint64_t begin = steps ? s->begin : s->begin_time, length = steps ? s->steps : s->took;
        if (!s->beside && seen(length, whole))
            put_bar(p->out, s, begin, length, whole);
    }
    out_words(p->out, "</div>\n");
}

static void put_lines(const struct page *p)
{
    out_words(
        p->out,
        "<h2 id=\"line\">Time line</h2>\n<div class=\"lines\">"
        "<input type=\"radio\" name=\"by\" id=\"by-time\" checked><label for=\"by-time\"> by guest time</label>"
        "<input type=\"radio\" name=\"by\" id=\"by-steps\"><label for=\"by-steps\"> by steps (without the time that the machine "
        "was halted)</label>\n");
    put_line(p, false);
    put_line(p, true);
    out_words(p->out, "</div>\n");
}

/* ---------------------------------------------------------------- tables */

static void cell_known(FILE *out, bool known, uint64_t ns)
{
    if (known)
        cell_span(out, ns);
    else
        out_words(out, "<td></td>");
}

static void put_stage(const struct page *p, const struct stage *s)
{
    FILE *out = p->out;
    out_print(out, "<tr%s><td class=\"name\">", s->depth >= DEEP ? " class=\"deep\"" : "");
    for (unsigned i = 0; i < s->depth; i++)
        out_words(out, "&#8195;");
    put(out, s->name);
    if (s->count > 1)
        out_print(out, " <span class=\"soft\">and %zu more short ones</span>", s->count - 1);
    if (s->note) {
        out_words(out, " <span class=\"soft\">");
        put(out, s->note);
        out_words(out, "</span>");
    }
    out_words(out, s->failed ? " <span class=\"bad\">failed</span>"
                   : s->open ? " <span class=\"soft\">not ended</span>"
                             : "");
    out_words(out, "</td>");
    cell_time(out, s->begin_time);
    cell_span(out, s->took);
    if (p->tasks) {
        cell_known(out, s->has_tasks, s->own);
        cell_known(out, s->has_tasks, s->others);
    }
    out_print(out, "<td><span class=\"share\" style=\"width:%.1fpx\"></span> %.1f %%</td>",
              percent(s->took, p->s->end_time), percent(s->took, p->s->end_time));
    cell_number(out, s->steps);
    cell_number(out, s->last_event - s->first_event);
    out_words(out, "</tr>\n");
}

static void put_stages(const struct page *p)
{
    static const char *const heads[] = {"stage", "#begins at", "#took", "share", "#steps", "#events", NULL};
    static const char *const with_tasks[] = {"stage", "#begins at", "#took",   "#own", "#others",
                                             "share", "#steps",     "#events", NULL};
    out_words(
        p->out,
        "<h2 id=\"stages\">Stages</h2>\n<div><input type=\"checkbox\" id=\"all\"><label for=\"all\"> all levels</label>\n");
    if (p->tasks)
        out_words(
            p->out,
            "<p class=\"soft\">Own: the stage's task had a processor, outside of the stages inside of it. Others: other tasks "
            "had them meanwhile.</p>\n");
    begin_table(p->out, p->tasks ? with_tasks : heads);
    for (size_t i = 0; i < stages_count(p->s->stages); i++)
        put_stage(p, stages_get(p->s->stages, i));
    end_table(p->out);
    out_words(p->out, "</div>\n");
}

/* ---- systemd's units ---- */

static const char unit_prefix[] = "unit.";

static bool is_unit(const struct stage *s)
{
    return !strncmp(s->name, unit_prefix, sizeof unit_prefix - 1);
}

static size_t count_units(const struct page *p)
{
    size_t n = 0;
    for (size_t i = 0; i < stages_count(p->s->stages); i++)
        n += is_unit(stages_get(p->s->stages, i));
    return n;
}

static int took_longer(const void *a, const void *b)
{
    const struct stage *x = *(const struct stage *const *)a, *y = *(const struct stage *const *)b;
    if (x->took != y->took)
        return x->took < y->took ? 1 : -1;
    return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : strcmp(x->name, y->name);
}

static void put_unit(const struct page *p, const struct stage *s)
{
    out_words(p->out, "<tr>");
    char *name = mem_string(s->name + sizeof unit_prefix - 1), *description = strstr(name, "_-_");
    if (description)
        *description = 0;
    cell_text(p->out, name);
    free(name);
    cell_time(p->out, s->begin_time);
    cell_span(p->out, s->took);
    out_print(p->out, "<td%s>%s</td></tr>\n", s->failed ? " class=\"bad\"" : "",
              s->failed ? "failed"
              : s->open ? "not ended"
                        : "");
}

static void put_units(const struct page *p)
{
    static const char *const heads[] = {"unit", "#begins at", "#took", "", NULL};
    const size_t n = count_units(p);
    size_t k = 0;
    if (!n)
        return;
    const struct stage **list = mem_zero(n, sizeof *list);
    for (size_t i = 0; i < stages_count(p->s->stages); i++)
        if (is_unit(stages_get(p->s->stages, i)))
            list[k++] = stages_get(p->s->stages, i);
    qsort(list, n, sizeof *list, took_longer);
    out_print(
        p->out,
        "<h2 id=\"units\">systemd's units</h2>\n<details%s><summary>%zu, the slowest first: from \"Starting\" to "
        "\"Started\" or \"Finished\"</summary>\n",
        n <= 60 ? " open" : "", n);
    begin_table(p->out, heads);
    for (size_t i = 0; i < n; i++)
        put_unit(p, list[i]);
    end_table(p->out);
    out_words(p->out, "</details>\n");
    free(list);
}

static int slower(const void *a, const void *b)
{
    const struct initcall *x = *(const struct initcall *const *)a;
    const struct initcall *y = *(const struct initcall *const *)b;
    const uint64_t mine = x->has_own ? x->own : x->took, its = y->has_own ? y->own : y->took;
    if (mine != its)
        return mine < its ? 1 : -1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static void put_initcall(const struct page *p, const struct initcall *c)
{
    FILE *out = p->out;
    const char *level = guest_word(EV_INITCALL, EVF_INITCALL_level, c->level);
    out_words(out, "<tr>");
    cell_text(out, c->name);
    cell_word(out, level ? level : "");
    cell_time(out, c->begin_time);
    cell_span(out, c->took);
    if (p->tasks)
        cell_known(out, c->has_own, c->own);
    out_print(out, "<td class=\"n%s\">", c->result && !c->open ? " bad" : "");
    if (c->open)
        out_words(out, "did not return");
    else
        out_print(out, "%" PRId64, c->result);
    out_words(out, "</td></tr>\n");
}

static void put_initcalls(const struct page *p)
{
    static const char *const heads[] = {"initcall", "level", "#begins at", "#took", "#result", NULL};
    static const char *const with_tasks[] = {"initcall", "level",   "#begins at", "#took",
                                             "#own",     "#result", NULL};
    size_t n = p->s->ninitcalls;
    if (!n)
        return;
    const struct initcall **list = mem_zero(n, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = &p->s->initcalls[i];
    qsort(list, n, sizeof *list, slower);
    out_print(p->out, "<h2 id=\"initcalls\">The slowest of %zu initcalls</h2>\n", n);
    if (p->tasks)
        out_words(
            p->out,
            "<p class=\"soft\">By their own time: what other tasks did until they returned is not theirs.</p>\n");
    begin_table(p->out, p->tasks ? with_tasks : heads);
    for (size_t i = 0; i < n && i < SLOWEST; i++)
        put_initcall(p, list[i]);
    end_table(p->out);
    free(list);
}

static void put_process(const struct page *p, const struct process *q)
{
    static const char *const kinds[] = {"kernel thread", "process", "thread"};
    FILE *out = p->out;
    out_words(out, "<tr>");
    out_print(out, "<td class=\"n\">%u</td><td class=\"n\">%u</td>", q->pid, q->parent);
    cell_word(out, kinds[q->kind % 3]);
    cell_word(out, q->name);
    cell_text(out, q->path);
    cell_time(out, q->created_time);
    if (process_lives(q)) {
        out_words(out, "<td class=\"n soft\">lives</td><td></td></tr>\n");
        return;
    }
    cell_time(out, q->exited_time - q->created_time);
    if (q->code & 0x7f)
        out_print(out, "<td class=\"bad\">signal %u</td></tr>\n", q->code & 0x7f);
    else
        out_print(out, "<td%s>%u</td></tr>\n", q->code ? " class=\"bad\"" : "", q->code >> 8 & 0xff);
}

static void put_processes(const struct page *p)
{
    static const char *const heads[] = {"#pid",        "#parent", "kind", "name", "executed last",
                                        "#created at", "#lived",  "exit", NULL};
    size_t n = processes_count(p->s->processes);
    if (!n)
        return;
    out_print(p->out,
              "<h2 id=\"processes\">Processes</h2>\n<details%s><summary>%zu in order of creation</summary>\n",
              n <= 60 ? " open" : "", n);
    begin_table(p->out, heads);
    for (size_t i = 0; i < n; i++)
        put_process(p, processes_get(p->s->processes, i));
    end_table(p->out);
    out_words(p->out, "</details>\n");
}

/* ---------------------------------------------------------------- marks and console */

static int see_all(const struct page *p, uint32_t classes, void (*see)(void *ctx, const struct event *ev),
                   void *ctx, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(p->o->trace, classes);
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        see(ctx, &ev);
    trace_cursor_close(c);
    return rc;
}

static void see_mark(void *ctx, const struct event *ev)
{
    marks_see(ctx, ev);
}

static int put_marks(const struct page *p, struct error *err)
{
    static const char *const heads[] = {"#icount", "#guest time", "kind", "what", NULL};
    struct marks *m = marks_new();
    size_t n;
    int rc = see_all(p, MARK_CLASSES, see_mark, m, err);
    const struct mark *list = marks_list(m, &n);
    out_print(p->out, "<h2 id=\"marks\">Marks</h2>\n<details%s><summary>%zu</summary>\n",
              n <= 40 ? " open" : "", n);
    begin_table(p->out, heads);
    for (size_t i = 0; i < n; i++) {
        out_words(p->out, "<tr>");
        cell_number(p->out, list[i].icount);
        cell_time(p->out, list[i].time);
        cell_word(p->out, event_kind(list[i].kind)->name);
        cell_text(p->out, list[i].text);
        out_words(p->out, "</tr>\n");
    }
    end_table(p->out);
    out_words(p->out, "</details>\n");
    marks_free(m);
    return rc;
}

struct console {
    const struct page *p;
    size_t lines, left_out;
    char plain[EVENT_MAX_DATA];
};

static void see_line(void *ctx, const struct event *ev)
{
    struct console *c = ctx;
    if (ev->kind != EV_CONSOLE_LINE)
        return;
    if (c->lines == CONSOLE_LINES) {
        c->left_out++;
        return;
    }
    c->lines++;
    out_words(c->p->out, "<i>");
    put_seconds(c->p->out, ev->time);
    out_print(c->p->out, " %" PRIu64 "</i> ", EVF(ev, CONSOLE_LINE, device));
    put_html(c->p->out, c->plain, plain_text(ev->data, ev->len, c->plain));
    out_char(c->p->out, '\n');
}

static int put_console(const struct page *p, struct error *err)
{
    struct console *c = mem_zero(1, sizeof *c);
    c->p = p;
    out_words(
        p->out,
        "<h2 id=\"console\">Console</h2>\n<p class=\"soft\">Guest time in seconds, the device (0 to 3: serial ports, 8: screen, "
        "9: debug port), and the line.</p>\n<pre>");
    int rc = see_all(p, EVENT_CLASS_BIT(EC_CONSOLE), see_line, c, err);
    out_words(p->out, "</pre>\n");
    if (c->left_out)
        out_print(p->out, "<p class=\"soft\">%zu more lines are in the trace.</p>\n", c->left_out);
    free(c);
    return rc;
}

/* ---------------------------------------------------------------- pictures */

enum { LOOKED_AT = 120 };

/* A screen of one colour, but for a cursor, shows nothing: that of a boot which prints on the serial port. */
static bool is_blank(const struct picture *p)
{
    enum { CURSOR = 8 * 16 };
    size_t others = 0;
    for (size_t i = 0; i < (size_t)p->width * p->height && others <= CURSOR; i++)
        others += memcmp(p->rgb + 3 * i, p->rgb, 3) != 0;
    return others <= CURSOR;
}

static void keep_picture(void *ctx, struct picture *p)
{
    struct album *a = ctx;
    if (is_blank(p)) {
        picture_free(p);
        return;
    }
    MEM_MORE(a->list, a->n);
    a->list[a->n++] = *p;
}

static void put_base64(FILE *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned v =
            (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0u);
        out_char(out, digits[v >> 18]);
        out_char(out, digits[v >> 12 & 63]);
        out_char(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
        out_char(out, i + 2 < n ? digits[v & 63] : '=');
    }
}

static int put_picture(FILE *out, const struct picture *p, struct error *err)
{
    char *png = NULL;
    size_t n;
    FILE *m = mem_check(open_memstream(&png, &n));
    int rc = picture_png(m, p->width, p->height, p->rgb, (size_t)p->width * 3, err);
    fclose(m);
    out_words(out, "<figure><img alt=\"the screen\" src=\"data:image/png;base64,");
    put_base64(out, (const uint8_t *)png, n);
    out_words(out, "\"><figcaption>icount ");
    put_commas(out, p->icount);
    out_words(out, ", ");
    put_time(out, p->time);
    out_words(out, "</figcaption></figure>\n");
    free(png);
    return rc;
}

static int take_pictures(struct page *p, struct error *err)
{
    const unsigned n = p->o->pictures;
    return n ? export_pictures(p->o, LOOKED_AT > n ? LOOKED_AT : n, keep_picture, &p->album, err) : 0;
}

static void free_pictures(struct page *p)
{
    for (size_t i = 0; i < p->album.n; i++)
        picture_free(&p->album.list[i]);
    free(p->album.list);
}

/* `n` of those that differ, evenly chosen, with the last. */
static int put_pictures(const struct page *p, struct error *err)
{
    const struct album *a = &p->album;
    size_t n = p->o->pictures;
    int rc = 0;
    if (!a->n)
        return 0;
    out_words(p->out, "<h2 id=\"screen\">Screen</h2>\n<div class=\"pictures\">\n");
    for (size_t i = 0; i < a->n && !rc; i++)
        if (a->n <= n || i * n / a->n != (i + 1) * n / a->n)
            rc = put_picture(p->out, &a->list[i], err);
    out_words(p->out, "</div>\n");
    return rc;
}

/* ---------------------------------------------------------------- the page */

static void put_head(const struct page *p)
{
    out_words(p->out,
              "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Boot: ");
    put(p->out, p->o->title);
    out_words(p->out, "</title>\n<style>\n");
    out_words(p->out, report_css);
    out_words(p->out, "</style></head>\n<body>\n<h1>Boot: ");
    put(p->out, p->o->title);
    out_words(p->out, "</h1>\n<nav><a href=\"#line\">Time line</a><a href=\"#stages\">Stages</a>");
    if (p->s->ninitcalls)
        out_words(p->out, "<a href=\"#initcalls\">Initcalls</a>");
    if (count_units(p))
        out_words(p->out, "<a href=\"#units\">Units</a>");
    if (processes_count(p->s->processes))
        out_words(p->out, "<a href=\"#processes\">Processes</a>");
    out_words(p->out, "<a href=\"#marks\">Marks</a>");
    if (p->album.n)
        out_words(p->out, "<a href=\"#screen\">Screen</a>");
    out_words(p->out, "<a href=\"#console\">Console</a><a href=\"#machine\">Machine</a></nav>\n");
}

int export_html(const struct export_options *o, FILE *out, struct error *err)
{
    struct story *s = story_of(o->trace, err);
    if (!s)
        return -1;
    struct page p = {.o = o, .s = s, .out = out, .tasks = stages_have_tasks(s->stages)};
    if (take_pictures(&p, err)) {
        free_pictures(&p);
        story_free(s);
        return -1;
    }
    put_head(&p);
    put_why(&p);
    put_facts(&p);
    put_lines(&p);
    stages_fold(s->stages);
    put_stages(&p);
    put_initcalls(&p);
    put_units(&p);
    put_processes(&p);
    int rc = put_marks(&p, err);
    if (!rc)
        rc = put_pictures(&p, err);
    if (!rc)
        rc = put_console(&p, err);
    put_machine(&p);
    out_words(out, "</body></html>\n");
    free_pictures(&p);
    story_free(s);
    return rc;
}
