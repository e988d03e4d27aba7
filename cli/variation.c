/* variation.c - see variation.h. */
#include "cli/variation.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/nics.h"
#include "core/story/position.h"
#include "hv/hv.h"

enum { SCHEDULE_MOST = 60000 }; /* bytes: a setting of a trace has 64 KiB */

/* from= takes the rest of the argument, which may hold commas. A recording knows an icount before it is made; the other positions are those of
 * a recorded run. */
static int take_from(struct variation *v, const char *text, struct error *err)
{
    static const char *const what[] = {
        [POS_PERCENT] = "a part of a recorded run",
        [POS_EVENT] = "an event",
        [POS_CONSOLE] = "a text on the console",
        [POS_MARK] = "a mark",
        [POS_STAGE] = "a stage",
        [POS_FORWARD] = "a distance",
        [POS_BACK] = "a distance",
    };
    struct position p;
    if (position_parse(text, &p, err))
        return -1;
    if (p.kind == POS_ICOUNT)
        v->from = p.n;
    if (p.kind == POS_TIME)
        v->from_time = p.n;
    if (p.kind == POS_ICOUNT || p.kind == POS_TIME)
        return 0;
    return error_set(
        err,
        "--vary from=%.100s: %s is not known while recording: give an icount or a guest time, such as 500M or 1.5s (bootreel hunt --from takes any position)",
        text, what[p.kind]);
}

/* turns' bound is a count of steps; the others' are times. */
static int check_units(const char *kinds, struct error *err)
{
    bool steps = false;
    for (const char *p = kinds; *p;) {
        const size_t n = strcspn(p, ",");
        const char *equals = memchr(p, '=', n), *word = equals ? equals + 1 : p;
        const size_t kind = strcspn(p, ",=:"),
                     digits = !strncmp(word, "max:", 4) ? strspn(word + 4, "0123456789") : 0;
        if (p[kind] != ':')
            steps =
                kind == 5 ? !strncmp(p, "turns", 5) : kind == 10 && !strncmp(p, "priorities", 10) && steps;
        const bool unit = digits && word + 4 + digits < p + n;
        if (digits && unit == steps)
            return error_set(err, "--vary: \"%.*s\": %s", (int)(n < 60 ? n : 60), p,
                             steps ? "a count of steps has no unit: write it as max:500"
                                   : "a time needs a unit: write it as max:500ns or max:20us");
        p += n + (p[n] == ',');
    }
    return 0;
}

/* A word of errors=net. */
static int net_word(struct variation_net *net, const char *word, size_t n, struct error *err)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%.*s", (int)n, word);
    bool good = n < sizeof copy;
    if (good && !strncmp(copy, "mangle=", 7)) {
        good = net->seeded = nics_parse_mangle(copy + 7, &net->seed, &net->percent);
    } else if (good && !strncmp(copy, "percent=", 8) && isdigit((unsigned char)copy[8])) {
        char *end;
        const unsigned long percent = strtoul(copy + 8, &end, 10);
        good = !*end && percent <= NET_PERCENT;
        net->percent = (unsigned)percent;
    } else {
        good = false;
    }
    return good && net->percent
               ? 0
               : error_set(
                     err,
                     "--vary errors=net: \"%.60s\": write it as percent=5 (of the frames), or mangle=SEED:PERCENT",
                     copy);
}

/* Takes errors=net and its words out of the kinds: the rest is added to `kinds`. */
static int take_net(struct variation *v, const char *value, size_t n, struct text *kinds, struct error *err)
{
    bool in_net = false;
    for (const char *p = value, *end = value + n; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const size_t length = comma ? (size_t)(comma - p) : (size_t)(end - p);
        if (length == 10 && !strncmp(p, "errors=net", length)) {
            v->net.given = in_net = true;
        } else if (in_net && !hv_vary_begins(p)) {
            if (net_word(&v->net, p, length, err))
                return -1;
        } else {
            in_net = false;
            text_add(kinds, "%s%.*s", kinds->n ? "," : "", (int)length, p);
        }
        p += length + (comma != NULL);
    }
    return v->net.given && !v->net.percent
               ? error_set(err, "--vary errors=net: say how many frames: errors=net,percent=5")
               : 0;
}

int variation_add(struct variation *v, const char *value, struct error *err)
{
    struct error why;
    const char *from = !strncmp(value, "from=", 5) ? value : strstr(value, ",from=");
    const size_t n = from ? (size_t)(from - value) : strlen(value);
    if (from && take_from(v, strchr(from, '=') + 1, err))
        return -1;
    if (n && take_net(v, value, n, &v->kinds, err))
        return -1;
    if (!n && !from)
        return error_set(err, "--vary: say what is to be varied, as --vary turns");
    if (hv_vary_check(v->kinds.s, NULL, &why))
        return error_set(err, "--vary: %.300s", why.text);
    v->ncalls = v->kinds.s ? hv_vary_calls(v->kinds.s, v->call) : 0;
    v->nat = v->kinds.s ? hv_vary_turns_at(v->kinds.s, v->at) : 0;
    return v->kinds.s ? check_units(v->kinds.s, err) : 0;
}

/* A choice of the schedule; its form was checked. */
struct listed {
    char kind[16];
    uint64_t cpu, ordinal, value;
    bool by_cpu;
};

/* The next number, or UINT64_MAX: there is none, or it is negative, or too large. */
static uint64_t number(const char **p)
{
    char *end;
    *p += strspn(*p, " \t");
    errno = 0;
    const uint64_t n = isdigit((unsigned char)**p) ? strtoull(*p, &end, 10) : UINT64_MAX;
    if (n != UINT64_MAX && !errno)
        *p = end;
    return errno ? UINT64_MAX : n;
}

static bool parse_listed(const char *line, struct listed *c)
{
    const size_t n = strcspn(line, " ");
    const char *p = line + n;
    *c = (struct listed){.by_cpu = strchr(line, ':') != NULL};
    snprintf(c->kind, sizeof c->kind, "%.*s", (int)n, line);
    c->cpu = c->by_cpu ? number(&p) : 0;
    p += *p == ':';
    c->ordinal = number(&p);
    c->value = number(&p);
    return c->cpu != UINT64_MAX && c->ordinal != UINT64_MAX && c->value != UINT64_MAX;
}

/* What is chosen at power-on is chosen again at a reset. */
static bool at_power_on(const char *kind)
{
    return !strcmp(kind, "memory") || !strcmp(kind, "rtc") || !strcmp(kind, "tsc") || !strcmp(kind, "usb");
}

/* A choice after those of `all`: each kind's ordinals rise. */
static int check_order(const char *all, const char *line, const char *path, struct error *err)
{
    struct listed c, was;
    if (!parse_listed(line, &c))
        return error_set(err, "--schedule %.200s: \"%.60s\": a number is negative, or too large", path, line);
    for (const char *p = all; p && *p && !at_power_on(c.kind); p = strchr(p, ';'), p += p ? 2 : 0)
        if (parse_listed(p, &was) && !strcmp(was.kind, c.kind) && was.cpu == c.cpu &&
            was.ordinal >= c.ordinal)
            return error_set(err, "--schedule %.200s: \"%.60s\" %s", path, line,
                             was.ordinal == c.ordinal
                                 ? "is there already: leave one of the lines out"
                                 : "comes after a later one: put the lines of a kind in order");
    return 0;
}

/* Whether a kind is varied: a word that may have a bound. */
static bool has_kind(const char *kinds, const char *name)
{
    const size_t n = strlen(name);
    bool call = false; /* the word is a function's name */
    for (const char *p = kinds; *p; p += strcspn(p, ","), p += *p == ',') {
        if (!call && !strncmp(p, name, n) && strchr(",=", p[n]))
            return true;
        call = !strncmp(p, "errors=call,", 12);
    }
    return false;
}

static int check_usb(const struct variation *v, const char *kinds, unsigned devices, struct error *err)
{
    struct listed c;
    if (!devices && has_kind(kinds, "usb"))
        return error_set(
            err,
            "--vary usb: the machine has no device on USB: give --usb tablet, or --disk FILE,interface=usb");
    for (const char *p = v->schedule; p && *p; p = strchr(p, ';'), p += p ? 2 : 0)
        if (parse_listed(p, &c) && !strcmp(c.kind, "usb") && c.ordinal >= devices)
            return error_set(
                err,
                "--schedule: \"%.*s\": there is no device %llu on USB: the machine has %u, counted from 0",
                (int)strcspn(p, ";"), p, (unsigned long long)c.ordinal, devices);
    return 0;
}

int variation_check(const struct variation *v, unsigned cpus, unsigned usb, struct error *err)
{
    struct listed c;
    for (const char *p = v->schedule; p && *p; p = strchr(p, ';'), p += p ? 2 : 0)
        if (parse_listed(p, &c) && c.by_cpu && (c.cpu >= cpus || c.value >= cpus))
            return error_set(err, "--schedule: \"%.*s\": there is no processor %llu: --cpus %u has 0 to %u",
                             (int)strcspn(p, ";"), p, (unsigned long long)(c.cpu >= cpus ? c.cpu : c.value),
                             cpus, cpus - 1);
    const char *kinds = v->kinds.s ? v->kinds.s : "";
    const bool turns = has_kind(kinds, "turns"), wakeups = has_kind(kinds, "wakeups");
    if (cpus == 1 && (turns || wakeups))
        return error_set(err, "--vary %s: the machine has one processor: add --cpus 2, or leave it out",
                         turns ? "turns" : "wakeups");
    return check_usb(v, kinds, usb, err);
}

/* A line is a choice or a comment; "from ICOUNT" is what --vary from= is. */
static int take_line(struct variation *v, struct text *all, char *line, const char *path, struct error *err)
{
    struct error why;
    line[strcspn(line, "#\r\n")] = 0;
    line += strspn(line, " \t");
    if (!*line)
        return 0;
    if (!strncmp(line, "from ", 5)) {
        struct position p;
        if (position_parse(line + 5, &p, &why) || (p.kind != POS_ICOUNT && p.kind != POS_TIME))
            return error_set(err, "--schedule %.200s: \"%.60s\": give an icount or a guest time", path, line);
        *(p.kind == POS_TIME ? &v->from_time : &v->from) = p.n;
        return 0;
    }
    if (hv_vary_check(NULL, line, &why))
        return error_set(err, "--schedule %.200s: %.160s", path, why.text);
    if (check_order(all->s, line, path, err))
        return -1;
    text_add(all, "%s%s", all->n ? "; " : "", line);
    return all->n < SCHEDULE_MOST
               ? 0
               : error_set(err, "--schedule %.200s: more choices than a trace has room for", path);
}

int variation_schedule(struct variation *v, const char *path, struct error *err)
{
    struct text all = {0};
    char *line = NULL;
    size_t room = 0;
    int rc = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return error_set(err, "--schedule %.300s: %s", path, strerror(errno));
    while (!rc && getline(&line, &room, f) >= 0)
        rc = take_line(v, &all, line, path, err);
    if (!rc && ferror(f))
        rc = error_set(err, "--schedule %.300s: %s", path, strerror(errno));
    fclose(f);
    free(line);
    free(v->schedule);
    v->schedule = all.s ? all.s : mem_string("");
    return rc;
}

void variation_free(struct variation *v)
{
    free(v->kinds.s);
    free(v->schedule);
}
