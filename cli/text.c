/* text.c - marks and paths as text. */
#include <string.h>

#include "base/out.h"
#include "cli/cli.h"
#include "core/story/marks.h"

void say_missing_classes(const char *command, uint32_t missing, const char *where)
{
    char list[400] = "";
    for (int i = 0; i < EC_COUNT; i++)
        if (missing & EVENT_CLASS_BIT(i))
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? "," : "",
                     event_class_name((enum event_class)i));
    if (missing)
        out_print(stderr, "bootreel: %s: not recorded%s: %s: bootreel annotate can add them\n", command,
                  where, list);
}

void print_marks(FILE *out, const struct marks *m, size_t head, size_t tail)
{
    size_t n;
    char icount[NUMBER_TEXT], time[NUMBER_TEXT];
    const struct mark *list = marks_list(m, &n);
    for (size_t i = 0; i < n; i++) {
        if (i >= head && i + tail < n) {
            out_print(out, "  … %zu more\n", n - tail - i);
            i = n - tail;
            if (i == n)
                break;
        }
        out_print(out, "  %17s  %15s  %-23s %s\n", number_commas(icount, list[i].icount),
                  number_time(time, list[i].time), event_kind(list[i].kind)->name, list[i].text);
    }
    if (marks_more(m))
        out_words(out, "  … and more\n");
}

const char *path_last_part(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    return path + n;
}
