/* text.c - numbers and marks as text. */
#include <string.h>

#include "cli/cli.h"
#include "core/story/marks.h"

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

const char *duration(char buf[NUMBER_TEXT], uint64_t ns)
{
    if (!ns || ns >= 1000)
        return seconds(buf, ns);
    snprintf(buf, NUMBER_TEXT, "%llu ns", (unsigned long long)ns);
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
