/* values.c - what {name} in the tables' texts stands for, and what NAME in an option's argument means. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "core/engine/settings.h"
#include "cli/cli.h"
#include "cli/machine.h"
#include "cli/media.h"
#include "core/export/export.h"
#include "core/run/recorder.h"
#include "core/run/samples.h"
#include "core/story/guest.h"
#include "core/timeline/timeline.h"
#include "hv/hv.h"

/* ---------------------------------------------------------------- {name} */

/* Prints a number with a suffix: 100M for 100000000 and `unit` 1000. */
static void put_suffixed(FILE *out, uint64_t n, unsigned unit)
{
    static const char suffixes[] = "KMGT";
    unsigned power = 0;
    while (n && n % unit == 0 && power < 4) {
        n /= unit;
        power++;
    }
    out_print(out, "%llu", (unsigned long long)n);
    if (power)
        out_char(out, suffixes[power - 1]);
}

static void put_classes(FILE *out)
{
    out_words(out, event_class_list());
}

static void put_other_classes(FILE *out)
{
    uint32_t left = EVENT_CLASSES_ALL & ~EVENT_CLASSES_DEFAULT;
    for (unsigned c = 0; left; c++) {
        if (!(left & EVENT_CLASS_BIT(c)))
            continue;
        left &= ~EVENT_CLASS_BIT(c);
        out_print(out, "%s%s", event_class_name(c), !left ? "" : left & (left - 1) ? ", " : " and ");
    }
}

static void put_cpu_models(FILE *out)
{
    for (unsigned i = 0; hv_cpu_model(i); i++)
        out_print(out, "%s%s", i ? ", " : "", hv_cpu_model(i));
}

static void put_guests(FILE *out)
{
    struct text names = {0};
    guest_systems_names(guest_systems, UINT32_MAX, &names);
    out_words(out, names.s);
    free(names.s);
}

static void put_cpu(FILE *out)
{
    out_words(out, hv_cpu_model(0));
}

static void put_consoles(FILE *out)
{
    for (size_t i = 0; console_name(i); i++)
        out_print(out, "%s%s", i ? ", " : "", console_name(i));
}

static void put_memory(FILE *out)
{
    put_suffixed(out, strtoull(setting_preset("memory"), NULL, 10), 1024);
}

static void put_min_memory(FILE *out)
{
    put_suffixed(out, setting_row_of("memory")->min, 1024);
}

static void put_max_memory(FILE *out)
{
    put_suffixed(out, setting_row_of("memory")->max, 1024);
}

static void put_max_cpus(FILE *out)
{
    out_print(out, "%llu", (unsigned long long)setting_row_of("cpus")->max);
}

static void put_max_disks(FILE *out)
{
    out_print(out, "%d", MEDIA_MOST);
}

static void put_max_modules(FILE *out)
{
    out_print(out, "%d", MACHINE_MODULES);
}

static void put_max_nics(FILE *out)
{
    out_print(out, "%d", ENGINE_NICS);
}

static void put_max_shares(FILE *out)
{
    out_print(out, "%d", ENGINE_SHARES);
}

static void put_boot_menu(FILE *out)
{
    out_print(out, "%d", MACHINE_BOOT_MENU_MS / 1000);
}

static void put_rtc(FILE *out)
{
    out_words(out, setting_preset("rtc"));
}

static void put_checkpoint_every(FILE *out)
{
    put_suffixed(out, RECORD_CHECKPOINT_EVERY, 1000);
}

/* A paragraph each. */
static void put_export_formats(FILE *out)
{
    const struct export_format *f;
    for (size_t i = 0; (f = export_format(i)); i++)
        out_print(out, i ? "\n`%s`: %s." : "`%s`: %s.", f->name, f->what);
}

static void put_samples(FILE *out)
{
    out_print(out, "%d", SAMPLES_USUAL);
}

static void put_gdb_memory(FILE *out)
{
    put_suffixed(out, TIMELINE_MEMORY_UNPREPARED, 1024);
}

static const struct {
    const char *name;
    void (*put)(FILE *out);
} values[] = {
    {"classes", put_classes},
    {"other-classes", put_other_classes},
    {"cpu-models", put_cpu_models},
    {"cpu", put_cpu},
    {"guests", put_guests},
    {"consoles", put_consoles},
    {"memory", put_memory},
    {"min-memory", put_min_memory},
    {"max-memory", put_max_memory},
    {"max-cpus", put_max_cpus},
    {"max-disks", put_max_disks},
    {"max-modules", put_max_modules},
    {"max-nics", put_max_nics},
    {"max-shares", put_max_shares},
    {"boot-menu", put_boot_menu},
    {"rtc", put_rtc},
    {"checkpoint-every", put_checkpoint_every},
    {"samples", put_samples},
    {"export-formats", put_export_formats},
    {"gdb-memory", put_gdb_memory},
};

/* False if there is no such value: the braces are then part of the text. */
static bool put_value(FILE *out, const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (strlen(values[i].name) == n && !strncmp(values[i].name, name, n)) {
            values[i].put(out);
            return true;
        }
    return false;
}

char *fill_in(const char *text)
{
    char *filled = NULL;
    size_t size = 0;
    FILE *out = mem_check(open_memstream(&filled, &size));
    while (*text) {
        size_t n = strcspn(text, "{");
        out_words_n(out, text, n);
        text += n;
        if (!*text)
            break;
        size_t name = strcspn(text + 1, "}");
        if (text[1 + name] && put_value(out, text + 1, name))
            text += name + 2;
        else
            out_char(out, *text++);
    }
    fclose(out);
    return filled;
}

/* ---------------------------------------------------------------- NAME in an argument */

static const struct {
    const char *name;
    const char *words; /* its completions */
    bool files, folders, list;
    const char *explained; /* in --help of commands that have it */
} arguments[] = {
    {"TRACE", .files = true},
    {"NEW", .files = true},
    {"FILE", .files = true},
    {"FILE@ADDRESS", .files = true},
    {"FOLDER", .folders = true},
    {"MODEL", .words = "{cpu-models}"},
    {"DEVICE", .words = "{consoles}"},
    {"SIZE", .words = "128M 256M 512M 1G"},
    {"WHEN", .words = "console:"},
    {"POSITION", .words = "console: mark: stage:",
     .explained =
         "POSITION is an icount (1234, 5M), a guest time (1.5s), NN% of the run, #EVENT, console:TEXT, mark:NAME or "
         "stage:NAME."},
    {"RULE", .words = "all input stage process stage: process: console: {classes}",
     .explained =
         "RULE is WHAT [in=STAGE] [field=NAME] [way=WAY] [text=TEXT], where WHAT is a class or kind of event, input, stage, "
         "process, all, stage:NAME, process:NAME or console:TEXT; a bound also has FIELD=LIMIT (10%, 250, 5ms, 10%+5ms), and may "
         "leave out WHAT. Names may hold * and ?."},
    {"CLASSES", .words = "all default none {classes}", .list = true,
     .explained =
         "CLASSES is a list, with commas, of: {classes}; or all, none, default. After these, -CLASS takes one "
         "out, and +CLASS adds one."},
};
enum { ARGUMENTS = sizeof arguments / sizeof arguments[0] };

const char *argument_explained(size_t i, const char **name)
{
    *name = i < ARGUMENTS ? arguments[i].name : NULL;
    return i < ARGUMENTS ? arguments[i].explained : NULL;
}

/* The words of an argument stand between these. */
static const char between[] = "|[]=, …";

bool argument_has(const char *argument, const char *name)
{
    size_t want = strlen(name);
    while (argument && *argument) {
        size_t n = strcspn(argument, between);
        if (n == want && !strncmp(argument, name, n))
            return true;
        argument += n + (argument[n] != 0);
    }
    return false;
}

/* One alternative: a NAME of the table, or a literal if it has no capital letter. */
static void add_alternative(FILE *words, const char *word, size_t n, struct argument_values *v)
{
    for (size_t i = 0; i < ARGUMENTS; i++) {
        if (strlen(arguments[i].name) != n || strncmp(arguments[i].name, word, n))
            continue;
        v->files |= arguments[i].files;
        v->folders |= arguments[i].folders;
        v->list |= arguments[i].list;
        char *text = fill_in(arguments[i].words ? arguments[i].words : "");
        for (char *rest, *p = strtok_r(text, ", ", &rest); p; p = strtok_r(NULL, ", ", &rest))
            out_print(words, "%s%s", ftell(words) ? " " : "", p);
        free(text);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (word[i] >= 'A' && word[i] <= 'Z')
            return;
    if (n)
        out_print(words, "%s%.*s", ftell(words) ? " " : "", (int)n, word);
}

void argument_values(const char *argument, struct argument_values *v)
{
    size_t size = 0;
    *v = (struct argument_values){0};
    FILE *words = mem_check(open_memstream(&v->words, &size));
    while (argument && *argument) {
        size_t n = strcspn(argument, "|[]");
        add_alternative(words, argument, n, v);
        argument += n + (argument[n] != 0);
    }
    fclose(words);
}

void argument_values_free(struct argument_values *v)
{
    free(v->words);
}
