/* digest_write.c - an outline as text. The form: docs/diff.md. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/utf8.h"
#include "core/compare/digest.h"

struct digest {
    const struct outline *o;
    FILE *out;
    uint32_t *list,
        *begin;    /* items by what they are shown in: those of item i from begin[i + 1] to begin[i + 2] */
    bool in_place; /* what varies from boot to boot is in the lines of the items */
    uint64_t lines;
};

static void put_text(FILE *f, const char *text)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t n = strlen(text);
    out_char(f, '"');
    for (size_t i = 0; i < n;) {
        size_t len = utf8_printable(p + i, n - i);
        if (len == 1 && (p[i] == '"' || p[i] == '\\'))
            out_char(f, '\\');
        if (len)
            out_bytes(f, p + i, len);
        else
            out_print(f, "\\x%02x", p[i]);
        i += len ? len : 1;
    }
    out_char(f, '"');
}

static void put_field(FILE *f, const struct outline_field *x)
{
    out_print(f, " %s=", x->name);
    if (event_field_hex(x->type))
        out_print(f, "%#" PRIx64, x->value);
    else if (x->type == EFT_SIGNED)
        out_print(f, "%+" PRId64, (int64_t)x->value);
    else
        out_print(f, "%" PRIu64, x->value);
}

/* A console's number is part of its kind: console:0. */
static bool is_lane_field(const struct outline_item *it, const struct outline_field *x)
{
    return it->lane >= OUTLINE_CONSOLE && !strcmp(x->name, "device");
}

static void put_name(FILE *f, const struct outline_item *it, unsigned depth)
{
    out_print(f, "%*s%s", 2 * (int)depth, "", it->kind);
    if (it->lane >= OUTLINE_CONSOLE)
        out_print(f, ":%u", it->lane - OUTLINE_CONSOLE);
    out_char(f, ' ');
    put_text(f, it->same);
}

static bool has_measures(const struct outline_item *it)
{
    return it->type == OUTLINE_STAGE || it->type == OUTLINE_PROCESS || it->type == OUTLINE_COUNT;
}

static void put_measures(FILE *f, const struct outline_item *it)
{
    if (it->type == OUTLINE_COUNT)
        out_print(f, " x%" PRIu64, it->count);
    else
        out_print(f, " : time %" PRIu64 " steps %" PRIu64, it->took, it->steps);
}

static void put_item(struct digest *d, uint32_t i, unsigned depth)
{
    const struct outline_item *it = outline_get(d->o, i);
    FILE *f = d->out;
    put_name(f, it, depth);
    if (*it->detail) {
        out_char(f, ' ');
        put_text(f, it->detail);
    }
    for (unsigned k = 0; k < it->nfields; k++)
        if (outline_field(d->o, i, k)->key && !is_lane_field(it, outline_field(d->o, i, k)))
            put_field(f, outline_field(d->o, i, k));
    if (it->log)
        out_words(f, " log");
    if (it->open)
        out_words(f, " open");
    if (it->type == OUTLINE_STAGE && it->lane == OUTLINE_UNORDERED)
        out_words(f, " beside");
    if (d->in_place && has_measures(it))
        put_measures(f, it);
    else if (it->type == OUTLINE_COUNT)
        out_words(f, " x");
    out_char(f, '\n');
    d->lines++;
}

static void put_below(struct digest *d, uint32_t item, unsigned depth)
{
    for (uint32_t i = d->begin[item + 1]; i < d->begin[item + 2]; i++) {
        put_item(d, d->list[i], depth);
        put_below(d, d->list[i], depth + 1);
    }
}

/* How long each stage and process took, and how often each access was made, in the order of the items. */
static void put_times(struct digest *d, uint32_t item, unsigned depth)
{
    for (uint32_t i = d->begin[item + 1]; i < d->begin[item + 2]; i++) {
        const struct outline_item *it = outline_get(d->o, d->list[i]);
        if (has_measures(it)) {
            put_name(d->out, it, depth);
            put_measures(d->out, it);
            out_char(d->out, '\n');
        }
        put_times(d, d->list[i], depth + 1);
    }
}

/* Counts of a stage come first, by name, since the order of their appearance is chance. */
static int by_appearance(const void *a, const void *b, void *ctx)
{
    const struct outline_item *x = outline_get(ctx, *(const uint32_t *)a),
                              *y = outline_get(ctx, *(const uint32_t *)b);
    if (x->within != y->within)
        return x->within + 1 < y->within + 1 ? -1 : 1;
    if ((x->type == OUTLINE_COUNT) != (y->type == OUTLINE_COUNT))
        return x->type == OUTLINE_COUNT ? -1 : 1;
    int order = x->type == OUTLINE_COUNT ? strcmp(x->kind, y->kind) : 0;
    if (!order && x->type == OUTLINE_COUNT)
        order = strcmp(x->text, y->text);
    return order ? order
                 : (*(const uint32_t *)a > *(const uint32_t *)b) -
                       (*(const uint32_t *)a < *(const uint32_t *)b);
}

static void sort_items(struct digest *d)
{
    uint32_t n = outline_count(d->o);
    d->list = mem_alloc(n * sizeof *d->list);
    d->begin = mem_zero(n + 2, sizeof *d->begin);
    for (uint32_t i = 0; i < n; i++) {
        d->list[i] = i;
        d->begin[outline_get(d->o, i)->within + 2]++;
    }
    for (uint32_t i = 1; i < n + 2; i++)
        d->begin[i] += d->begin[i - 1];
    qsort_r(d->list, n, sizeof *d->list, by_appearance, (void *)d->o);
}

static void put_head(FILE *f, const struct outline_about *a)
{
    out_print(f, "%s %d\n", DIGEST_FIRST_WORDS, DIGEST_VERSION);
    out_print(f, "engine %s\nbehaviour %" PRIu32 "\nclasses", a->engine, a->behaviour);
    for (unsigned c = 0; c < EC_COUNT; c++)
        if (a->classes & EVENT_CLASS_BIT(c))
            out_print(f, " %s", event_class_name(c));
    out_print(f, "\nended ");
    put_text(f, a->ended);
    if (*a->end_text) {
        out_char(f, ' ');
        put_text(f, a->end_text);
    }
    if (*a->warning) {
        out_words(f, "\nwarning ");
        put_text(f, a->warning);
    }
    out_char(f, '\n');
}

int digest_write(const struct outline *o, bool in_place, FILE *out, struct error *err)
{
    struct digest d = {.o = o, .out = out, .in_place = in_place};
    put_head(out, outline_about(o));
    sort_items(&d);
    put_below(&d, OUTLINE_NONE, 0);
    out_print(out, "end %" PRIu64 "\n", d.lines);
    out_print(out, "times\nevents %" PRIu64 "\n", outline_about(o)->events);
    if (!in_place)
        put_times(&d, OUTLINE_NONE, 0);
    free(d.list);
    free(d.begin);
    if (fflush(out) || ferror(out))
        return error_set(err, "digest: %s", strerror(errno));
    return 0;
}
