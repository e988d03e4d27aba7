/* options.c - small things that all commands need: options in our words, opening a trace, numbers as text. */
#include <string.h>

#include "cli/cli.h"
#include "core/marks.h"

static bool takes_argument(const struct option *longs, int val)
{
    for (; longs->name; longs++)
        if (longs->val == val)
            return longs->has_arg == required_argument;
    return false;
}

int next_option(int argc, char **argv, const char *shorts, const struct option *longs)
{
    opterr = 0;
    int c = getopt_long(argc, argv, shorts, longs, NULL);
    if (c != '?' && c != ':')
        return c;
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    if (optopt && takes_argument(longs, optopt))
        trouble_text("%s: option \"%.60s\" needs a value: see bootreel %s --help", argv[0], word, argv[0]);
    else
        trouble_text("%s: option \"%.60s\" is unknown or not used so: see bootreel %s --help", argv[0], word,
                     argv[0]);
    return '?';
}

int keep_argument(const char **list, size_t *n, unsigned max, const char *option)
{
    if (*n == max) {
        trouble_text("--%s: at most %u of these", option, max);
        return -1;
    }
    list[(*n)++] = optarg;
    return 0;
}

const char *only_argument(int argc, char **argv, const char *what)
{
    if (argc - optind == 1)
        return argv[optind];
    if (argc == optind)
        trouble_text("%s: no %s given: see bootreel %s --help", argv[0], what, argv[0]);
    else
        trouble_text("%s: \"%.60s\" is one argument too many: give one %s", argv[0], argv[optind + 1], what);
    return NULL;
}

struct trace *open_trace(const char *path)
{
    struct error err;
    struct trace *t = trace_open(path, &err);
    if (!t)
        trouble(&err);
    else if (trace_truncated(t))
        fprintf(stderr, "bootreel: %s: %s (%s); what is there is used\n", path,
                trace_damaged(t) ? "damaged" : "cut short", trace_damage(t));
    return t;
}

const char *commas(char buf[NUMBER_TEXT], uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    char *to = buf;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return buf;
}

const char *seconds(char buf[NUMBER_TEXT], uint64_t ns)
{
    snprintf(buf, NUMBER_TEXT, "%llu.%06llu s", (unsigned long long)(ns / 1000000000),
             (unsigned long long)(ns % 1000000000 / 1000));
    return buf;
}

const char *bytes_text(char buf[NUMBER_TEXT], uint64_t n)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    unsigned unit = 0;
    double v = (double)n;
    while (v >= 1000 && unit < 4) {
        v /= 1000;
        unit++;
    }
    snprintf(buf, NUMBER_TEXT, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
    return buf;
}

void print_marks(FILE *out, const struct marks *m, size_t head, size_t tail)
{
    size_t n;
    char icount[NUMBER_TEXT], time[NUMBER_TEXT];
    const struct mark *list = marks_list(m, &n);
    for (size_t i = 0; i < n; i++) {
        if (i >= head && i + tail < n) {
            fprintf(out, "  … %zu more\n", n - tail - i);
            i = n - tail;
            if (i == n)
                break;
        }
        fprintf(out, "  %17s  %15s  %-23s %s\n", commas(icount, list[i].icount), seconds(time, list[i].time),
                event_kind(list[i].kind)->name, list[i].text);
    }
    if (marks_more(m))
        fputs("  … and more\n", out);
}
