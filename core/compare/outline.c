/* outline.c - see outline.h. */
#include <string.h>
#include <xxhash.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "core/compare/outline.h"
#include "core/run/crash.h"

enum { POOL_BLOCK = 65536, TEXT_MAX = 8192 };

struct pool_block {
    struct pool_block *next;
    size_t used, size;
    char bytes[];
};

struct outline {
    struct outline_about about;
    struct outline_item *item;
    size_t n, room;
    struct outline_field *field;
    size_t nfields, field_room;
    struct pool_block *pool;
    const char **string; /* the pool's */
    size_t nstrings;
    struct hash_index by_text; /* index in `string` */
};

/* ---------------------------------------------------------------- strings */

static char *pool_take(struct outline *o, size_t n)
{
    if (!o->pool || o->pool->size - o->pool->used < n) {
        size_t size = n > POOL_BLOCK ? n : POOL_BLOCK;
        struct pool_block *b = mem_alloc(sizeof *b + size);
        *b = (struct pool_block){.next = o->pool, .size = size};
        o->pool = b;
    }
    o->pool->used += n;
    return o->pool->bytes + o->pool->used - n;
}

static const char *intern(struct outline *o, const char *text, size_t n)
{
    const uint64_t hash = XXH3_64bits(text, n);
    for (struct hash_search s = hash_search(&o->by_text, hash); hash_found(&o->by_text, &s);)
        if (!strncmp(o->string[s.number], text, n) && !o->string[s.number][n])
            return o->string[s.number];
    char *copy = pool_take(o, n + 1);
    memcpy(copy, text, n);
    copy[n] = 0;
    MEM_MORE(o->string, o->nstrings);
    hash_index_add(&o->by_text, hash, o->nstrings);
    return o->string[o->nstrings++] = copy;
}

/* Length of what can be in a line of text, at p; 0 if there is none. */
static size_t line_text(const uint8_t *p, size_t n)
{
    return *p && *p != '\n' ? utf8_length(p, n) : 0;
}

const char *outline_string(struct outline *o, const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t good = 0, len;
    while (good < n && (len = line_text(p + good, n - good)))
        good += len;
    if (good == n)
        return intern(o, text, n);
    char *out = mem_alloc(4 * n), *to = out;
    for (size_t i = 0; i < n; i += len ? len : 1) {
        len = line_text(p + i, n - i);
        if (len)
            to = mempcpy(to, p + i, len);
        else
            to += sprintf(to, "\\x%02x", p[i]);
    }
    const char *s = intern(o, out, (size_t)(to - out));
    free(out);
    return s;
}

static const char *whole_string(struct outline *o, const char *text)
{
    return outline_string(o, text ? text : "", text ? strlen(text) : 0);
}

/* ---------------------------------------------------------------- the outline */

struct outline *outline_new(void)
{
    struct outline *o = mem_zero(1, sizeof *o);
    outline_set_about(o, &(struct outline_about){0});
    return o;
}

void outline_free(struct outline *o)
{
    if (!o)
        return;
    for (struct pool_block *b = o->pool, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(o->string);
    hash_index_clear(&o->by_text);
    free(o->item);
    free(o->field);
    free(o);
}

void outline_set_about(struct outline *o, const struct outline_about *about)
{
    o->about = *about;
    o->about.name = whole_string(o, about->name);
    o->about.engine = whole_string(o, about->engine);
    o->about.ended = whole_string(o, about->ended);
    o->about.end_text = whole_string(o, about->end_text);
    o->about.warning = whole_string(o, about->warning);
}

const struct outline_about *outline_about(const struct outline *o)
{
    return &o->about;
}

uint32_t outline_count(const struct outline *o)
{
    return (uint32_t)o->n;
}

const struct outline_item *outline_get(const struct outline *o, uint32_t item)
{
    return &o->item[item];
}

struct outline_item *outline_edit(struct outline *o, uint32_t item)
{
    return &o->item[item];
}

const struct outline_field *outline_field(const struct outline *o, uint32_t item, unsigned i)
{
    return &o->field[o->item[item].first + i];
}

/* ---------------------------------------------------------------- items */

/* Whether a guest wrote the text, so that it holds times and addresses. */
static bool is_written(const struct outline_item *it)
{
    return it->type == OUTLINE_EVENT && it->lane >= OUTLINE_LOG;
}

static const char *same_of(struct outline *o, struct outline_item *it)
{
    char same[TEXT_MAX + 1];
    size_t n = strnlen(it->text, TEXT_MAX);
    if (is_written(it))
        outline_plain(it->text, n, same, &it->log);
    else
        outline_pattern(it->text, n, false, same);
    return whole_string(o, same);
}

void outline_hashes(const struct outline *o, uint32_t item, const char *same, const char *detail,
                    uint64_t *id, uint64_t *key)
{
    const struct outline_item *it = &o->item[item];
    char pattern[TEXT_MAX + 1];
    size_t n = outline_pattern(same, strnlen(same, TEXT_MAX), is_written(it), pattern);
    uint64_t h = XXH3_64bits_withSeed(it->kind, strlen(it->kind), it->type);
    *id = XXH3_64bits_withSeed(pattern, n, h);
    h = XXH3_64bits_withSeed(detail, strlen(detail), *id);
    h = XXH3_64bits_withSeed(same, strlen(same), h);
    for (uint32_t i = 0; i < it->nfields; i++)
        if (o->field[it->first + i].key)
            h = XXH3_64bits_withSeed(&o->field[it->first + i].value, sizeof(uint64_t), h);
    *key = h;
}

/* Which of its workers a kernel makes, and when, is chance. */
bool outline_is_worker(const struct outline_item *it)
{
    return it->type == OUTLINE_PROCESS && !strcmp(it->kind, "kernel-thread") &&
           !strncmp(it->same, OUTLINE_WORKER, strlen(OUTLINE_WORKER));
}

void outline_seal(struct outline *o, uint32_t item)
{
    struct outline_item *it = &o->item[item];
    if (outline_is_worker(it))
        it->same = whole_string(o, OUTLINE_WORKER);
    outline_hashes(o, item, it->same, it->detail, &it->id, &it->key);
}

/* The item that everything is in: the outermost one that `within` lies in. */
static uint32_t outermost(const struct outline *o, uint32_t item)
{
    while (item != OUTLINE_NONE && o->item[item].within != OUTLINE_NONE)
        item = o->item[item].within;
    return item;
}

void outline_place(const struct outline *o, struct outline_item *it, unsigned device)
{
    enum { DEVICES = 200 };
    static const struct {
        unsigned kind;
        uint8_t lane;
        bool anywhere; /* compared in the whole boot, whatever stage it is in */
    } lanes[] = {{EV_FIRMWARE_LOG, OUTLINE_LOG, true},
                 {EV_SERVICE_TEXT, OUTLINE_TEXT, true},
                 {EV_CONSOLE_LINE, OUTLINE_CONSOLE, true},
                 {EV_PROCESS_LOG, OUTLINE_LOG, false},
                 /* programs load modules side by side */
                 {EV_MODULE_LOAD, OUTLINE_UNORDERED, false},
                 {EV_MODULE_UNLOAD, OUTLINE_UNORDERED, false},
                 {EV_MODULE_BEGIN, OUTLINE_UNORDERED, false},
                 {EV_MODULE_DONE, OUTLINE_UNORDERED, false},
                 /* done by threads of their own, whatever the first process does meanwhile */
                 {EV_INITRAMFS, OUTLINE_UNORDERED, true},
                 {EV_INITRAMFS_DONE, OUTLINE_UNORDERED, true},
                 {EV_DEVICE_PROBE, OUTLINE_UNORDERED, true},
                 {EV_DEVICE_PROBE_DONE, OUTLINE_UNORDERED, true},
                 {EV_DEVICE_DEFERRED, OUTLINE_UNORDERED, true},
                 {EV_DEVICE_FIRMWARE, OUTLINE_UNORDERED, true},
                 /* frames come when they come */
                 {EV_NET_BEGIN, OUTLINE_UNORDERED, true},
                 {EV_NET_RESENT, OUTLINE_UNORDERED, true},
                 {EV_NET_DHCP, OUTLINE_UNORDERED, true},
                 {EV_NET_TFTP, OUTLINE_UNORDERED, true},
                 {EV_NET_HTTP, OUTLINE_UNORDERED, true},
                 {EV_NET_DNS, OUTLINE_UNORDERED, true},
                 {EV_NET_MANGLED, OUTLINE_UNORDERED, true}};
    bool in_process = it->within != OUTLINE_NONE && o->item[it->within].type == OUTLINE_PROCESS;
    it->parent = it->within;
    if (it->type == OUTLINE_COUNT || it->type == OUTLINE_INPUT) {
        it->lane = OUTLINE_UNORDERED;
    } else if (it->type == OUTLINE_PROCESS) {
        it->parent = in_process ? it->within : outermost(o, it->within);
        it->lane = in_process && !strcmp(it->kind, "process") ? OUTLINE_MAIN : OUTLINE_UNORDERED;
    } else if (it->type == OUTLINE_EVENT) {
        it->lane = OUTLINE_MAIN;
        for (size_t i = 0; i < sizeof lanes / sizeof lanes[0]; i++)
            if (!strcmp(it->kind, event_kind(lanes[i].kind)->name)) {
                it->lane = lanes[i].lane;
                it->parent = lanes[i].anywhere ? outermost(o, it->within) : it->within;
            }
        if (it->lane == OUTLINE_CONSOLE)
            it->lane = (uint8_t)(OUTLINE_CONSOLE + (device < DEVICES ? device : DEVICES));
    }
}

/* The size of an image is an input: the image's own line has it. */
static bool is_input(const char *kind, const char *field)
{
    return (!strcmp(kind, "kernel.initrd") || !strcmp(kind, "kernel.initramfs")) && !strcmp(field, "size");
}

uint32_t outline_add(struct outline *o, const struct outline_item *item, const struct outline_field *f,
                     unsigned n)
{
    uint32_t at = (uint32_t)o->n;
    o->item = mem_grow(o->item, &o->room, o->n + 1, sizeof *o->item);
    struct outline_item *it = &o->item[o->n++];
    *it = *item;
    it->depth = it->within == OUTLINE_NONE ? 0 : (uint16_t)(o->item[it->within].depth + 1);
    it->kind = whole_string(o, it->kind);
    it->text = whole_string(o, it->text);
    it->count = it->type == OUTLINE_COUNT ? it->count : 1;
    it->same = it->same ? whole_string(o, it->same) : same_of(o, it);
    it->detail = whole_string(o, it->detail);
    it->first = (uint32_t)o->nfields;
    it->nfields = n;
    o->field = mem_grow(o->field, &o->field_room, o->nfields + n, sizeof *o->field);
    for (unsigned i = 0; i < n; i++) {
        o->field[o->nfields] = f[i];
        o->field[o->nfields].key &= !is_input(it->kind, f[i].name);
        o->field[o->nfields++].name = whole_string(o, f[i].name);
    }
    outline_seal(o, at);
    return at;
}

/* The fields of an item must be next to each other, so they move to the end of the list if others were added
 * since. */
void outline_add_field(struct outline *o, uint32_t item, const struct outline_field *f)
{
    struct outline_item *it = &o->item[item];
    o->field = mem_grow(o->field, &o->field_room, o->nfields + it->nfields + 1, sizeof *o->field);
    if (it->first + it->nfields != o->nfields) {
        memcpy(&o->field[o->nfields], &o->field[it->first], it->nfields * sizeof *o->field);
        it->first = (uint32_t)o->nfields;
        o->nfields += it->nfields;
    }
    o->field[o->nfields] = *f;
    o->field[o->nfields++].name = whole_string(o, f->name);
    it->nfields++;
}

bool outline_crashed(const struct outline_about *a)
{
    const enum crash c = crash_by_word(a->ended);
    return c && c != CRASH_IDLE;
}

const char *outline_end(const struct outline_about *a)
{
    return outline_crashed(a) && *a->end_text ? a->end_text : *a->ended ? a->ended : "no end";
}
