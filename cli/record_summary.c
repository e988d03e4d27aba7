/* record_summary.c - see record_summary.h. */
#include <stdlib.h>

#include "base/numbers.h"
#include "base/out.h"
#include "base/text.h"
#include "cli/answers.h"
#include "cli/cli.h"
#include "cli/record_summary.h"
#include "cli/verdict.h"

const char *record_how_ended(const struct record_ended *e, char *buf, size_t size)
{
    const struct record_result *res = e->result;
    const struct stop *s = &res->stop;
    if (res->full)
        return "the trace is full: --max-size";
    if (res->watched && res->crash == CRASH_IDLE)
        return res->crash_text;
    if (res->watched)
        return "stopped at the crash";
    switch (s->reason) {
    case STOP_REACHED:
        return "stopped where --until said";
    case STOP_RESET:
        snprintf(buf, size, "stopped at the first reset, by %.200s", s->text);
        return buf;
    case STOP_HALTED:
        return "the guest halted, and nothing can wake it";
    case STOP_INTERRUPTED:
        return e->typed ? "ended with Ctrl-A x"
                        : "interrupted by a signal; the trace is complete up to there";
    case STOP_POWER_OFF:
        snprintf(buf, size, "the guest switched itself off (status %d)%s%.200s", s->status,
                 s->text[0] ? ": " : "", s->text);
        return buf;
    default:
        return stop_word(s->reason);
    }
}

bool record_crashed(const struct record_result *res)
{
    return res->crash && res->crash != CRASH_IDLE;
}

static void say_more(const char *path)
{
    struct text command = {0};
    text_add(&command, "bootreel why");
    text_shell_word(&command, path);
    out_print(stdout, "%15s  more: ", "");
    out_words(stdout, command.s);
    out_char(stdout, '\n');
    free(command.s);
}

/* The verdict on a boot that went wrong, and the evidence that comes first. */
static void print_why(const char *path, const struct why *w)
{
    enum { FIRST = 3 };
    struct text out = {0};
    why_text(&out, w, NULL, FIRST);
    out_words(stdout, "why: ");
    out_words(stdout, out.s);
    if (w->n > FIRST)
        say_more(path);
    free(out.s);
}

void record_summary(const struct record_ended *e, const struct why *w)
{
    const struct record_result *res = e->result;
    char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT], how[300];
    size_t n;
    if (record_crashed(res))
        out_print(stdout, "%s\n", res->crash_text);
    if (why_is_bad(w))
        print_why(e->path, w);
    marks_list(e->marks, &n);
    if (n)
        out_words(stdout, "marks (icount, guest time):\n");
    print_marks(stdout, e->marks, n, 0);
    out_print(stdout, "ended: %s\n", record_how_ended(e, how, sizeof how));
    if (res->model[0])
        out_print(stdout, "wants %s: try --cpu %s (first: %s)\n", res->model, res->model, res->lacking);
    else if (res->lacking[0])
        out_print(stdout, "wants what no --cpu has: %s\n", res->lacking);
    out_print(stdout, "%s steps, guest time %s\n", number_commas(a, res->stop.icount),
              number_time(b, res->stop.time));
    out_print(stdout, "%s: %s, ", e->path, number_bytes(a, res->bytes));
    out_print(stdout, "%s events, %s checkpoints, %s inputs\n", number_commas(a, res->events),
              number_commas(b, res->checkpoints), number_commas(c, res->inputs));
}
