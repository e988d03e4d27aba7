/* errors.c - errors=disk: sectors that cannot be read; errors=call: calls that fail; errors=nvram: flash that cannot be written. See vary.h. */
#include "core/engine/settings.h"
#include "hv/vary/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct field vary_errors_fields[] = {FIELDS_AS("failed", struct vary, failed)};
const size_t vary_errors_nfields = FIELD_COUNT(vary_errors_fields);

bool vary_has_errors(const struct vary *v)
{
    return v && v->errors.n;
}

const struct field vary_nvram_fields[] = {FIELD_AS("writes", struct vary, flash.writes),
                                          FIELD_AS("next", struct vary, flash.next)};
const size_t vary_nvram_nfields = FIELD_COUNT(vary_nvram_fields);

bool vary_has_nvram_errors(const struct vary *v)
{
    return v && v->errors.nvram.given;
}

/* ---------------------------------------------------------------- words */

static bool is_word(const char *word, size_t n, const char *name)
{
    return n == strlen(name) && !strncmp(word, name, n);
}

static bool parse_number(const char *text, size_t n, uint64_t least, uint64_t *number)
{
    char *end, copy[24];
    if (!n || n >= sizeof copy || *text < '0' || *text > '9')
        return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    *number = strtoull(copy, &end, 10);
    return !*end && *number >= least && *number < UINT64_MAX;
}

/* A value of a register: "0", "0x1000", "-12". */
static bool parse_value(const char *text, size_t n, uint64_t *value)
{
    char *end, copy[24];
    if (!n || n >= sizeof copy || !strchr("-0123456789", *text))
        return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    errno = 0;
    *value = *copy == '-' ? (uint64_t)strtoll(copy, &end, 0) : strtoull(copy, &end, 0);
    return !*end && end > copy && !errno;
}

static int begin_disk(struct vary_errors *e, struct error *err)
{
    if (e->n == VARY_ERRORS)
        return error_set(err, "errors: at most %d sectors can fail", VARY_ERRORS);
    e->what = ERRORS_DISK;
    e->error[e->n++] = (struct vary_error){.drive = "disk0", .lba = UINT64_MAX, .count = UINT64_MAX};
    return 0;
}

static int begin_call(struct vary_errors *e, struct error *err)
{
    if (e->ncalls == ENGINE_CALL_ERRORS)
        return error_set(err, "errors: at most %d calls can fail", ENGINE_CALL_ERRORS);
    e->what = ERRORS_CALL;
    e->call[e->ncalls++] = (struct engine_call_error){0};
    return 0;
}

static int begin_nvram(struct vary_errors *e, struct error *err)
{
    if (e->nvram.given)
        return error_set(err, "errors=nvram: given twice: give it once");
    e->what = ERRORS_NVRAM;
    e->nvram.given = true;
    e->nvram.first = 1;
    e->nvram.count = UINT64_MAX;
    return 0;
}

static int begin_error(struct vary_errors *e, const char *word, size_t n, struct error *err)
{
    if (is_word(word, n, "disk"))
        return begin_disk(e, err);
    if (is_word(word, n, "call"))
        return begin_call(e, err);
    if (is_word(word, n, "nvram"))
        return begin_nvram(e, err);
    return error_set(
        err,
        "errors=%.*s: errors of disk (errors=disk,lba=N), net (errors=net,percent=P), nvram (errors=nvram,n=N) and call (errors=call,FUNCTION,n=N) are implemented",
        (int)(n < 60 ? n : 60), word);
}

static bool take_text(char *to, size_t room, const char *text, size_t n)
{
    if (!n || n >= room)
        return false;
    memset(to, 0, room);
    memcpy(to, text, n);
    return true;
}

static int refuse_word(const char *word, size_t n, struct error *err)
{
    return error_set(err, "\"%.*s\" is neither a kind of variation nor a word of errors",
                     (int)(n < 60 ? n : 60), word);
}

static int disk_word(struct vary_error *e, const char *word, size_t n, struct error *err)
{
    const size_t name = strcspn(word, "=,"), value = name < n ? name + 1 : n;
    bool good;
    if (is_word(word, name, "lba"))
        good = parse_number(word + value, n - value, 0, &e->lba);
    else if (is_word(word, name, "count"))
        good = parse_number(word + value, n - value, 1, &e->count);
    else if (is_word(word, name, "drive"))
        good = take_text(e->drive, sizeof e->drive, word + value, n - value);
    else
        return refuse_word(word, n, err);
    return good ? 0
                : error_set(err, "errors: \"%.*s\": write it as lba=2048, count=3 or drive=disk1",
                            (int)(n < 60 ? n : 60), word);
}

/* The first word is the function's name. */
static int call_word(struct engine_call_error *c, const char *word, size_t n, struct error *err)
{
    const size_t name = strcspn(word, "=,"), value = name < n ? name + 1 : n;
    bool good;
    if (!*c->function)
        good = name == n && take_text(c->function, sizeof c->function, word, n);
    else if (is_word(word, name, "n"))
        good = parse_number(word + value, n - value, 1, &c->n);
    else if (is_word(word, name, "value"))
        good = parse_value(word + value, n - value, &c->value);
    else
        return refuse_word(word, n, err);
    return good ? 0
                : error_set(err, "errors: \"%.*s\": write it as errors=call,FUNCTION,n=3,value=-12",
                            (int)(n < 60 ? n : 60), word);
}

static int nvram_word(struct vary_errors *e, const char *word, size_t n, struct error *err)
{
    const size_t name = strcspn(word, "=,"), value = name < n ? name + 1 : n;
    bool good;
    if (is_word(word, name, "n"))
        good = parse_number(word + value, n - value, 1, &e->nvram.first);
    else if (is_word(word, name, "count"))
        good = parse_number(word + value, n - value, 1, &e->nvram.count);
    else
        return refuse_word(word, n, err);
    return good ? 0
                : error_set(err, "errors: \"%.*s\": write it as errors=nvram,n=100,count=1",
                            (int)(n < 60 ? n : 60), word);
}

int vary_errors_word(struct vary_errors *e, const char *word, size_t n, bool first, struct error *err)
{
    if (first)
        return begin_error(e, word, n, err);
    return e->what == ERRORS_CALL    ? call_word(&e->call[e->ncalls - 1], word, n, err)
           : e->what == ERRORS_NVRAM ? nvram_word(e, word, n, err)
                                     : disk_word(&e->error[e->n - 1], word, n, err);
}

bool vary_errors_wants_name(const struct vary_errors *e)
{
    return e->what == ERRORS_CALL && !*e->call[e->ncalls - 1].function;
}

int vary_errors_complete(const struct vary_errors *e, struct error *err)
{
    for (unsigned i = 0; i < e->n; i++)
        if (e->error[i].lba == UINT64_MAX)
            return error_set(err, "errors=disk: say which sector: errors=disk,lba=2048");
    for (unsigned i = 0; i < e->ncalls; i++)
        if (!*e->call[i].function || !e->call[i].n)
            return error_set(err, "errors=call: say which call of which function: errors=call,FUNCTION,n=1");
    return 0;
}

/* ---------------------------------------------------------------- drives */

/* Bytes of a sector of the medium. */
static uint32_t sector_of(const char *drive)
{
    return strncmp(drive, "cdrom", 5) ? 512 : 2048;
}

static bool is_writable(const struct engine_config *cfg, const char *chip)
{
    return config_image(cfg, chip) && !setting_has(cfg, chip, "read-only");
}

int vary_errors_fit(const struct vary_errors *e, const struct engine_config *cfg, struct error *err)
{
    if (e->nvram.given && !is_writable(cfg, "pflash0") && !is_writable(cfg, "pflash1"))
        return error_set(
            err, "errors=nvram: the machine has no flash that can be written: give --bios ovmf, or --pflash");
    for (unsigned i = 0; i < e->n; i++) {
        const struct vary_error *x = &e->error[i];
        const struct image *image = config_image(cfg, x->drive);
        if (!image ||
            (strncmp(x->drive, "disk", 4) && strncmp(x->drive, "cdrom", 5) && strncmp(x->drive, "floppy", 6)))
            return error_set(err, "errors: the machine has no drive %s", x->drive);
        const uint32_t bytes = sector_of(x->drive);
        const uint64_t sectors = image->size / bytes + (image->size % bytes != 0);
        if (x->lba >= sectors)
            return error_set(err, "errors: %s has %llu sectors, so there is no sector %llu", x->drive,
                             (unsigned long long)sectors, (unsigned long long)x->lba);
    }
    return 0;
}

uint64_t vary_read_error(struct vary *v, const char *drive, uint64_t icount, uint64_t offset, uint64_t n)
{
    uint64_t first = UINT64_MAX;
    unsigned which = 0;
    if (!vary_has_errors(v) || !vary_begun(v, icount))
        return UINT64_MAX;
    for (unsigned i = 0; i < v->errors.n; i++) {
        const struct vary_error *x = &v->errors.error[i];
        const uint64_t bytes = sector_of(drive), at = x->lba * bytes;
        if (strcmp(x->drive, drive) || v->failed[i] >= x->count || at >= offset + n || offset >= at + bytes ||
            at >= first)
            continue;
        first = at;
        which = i;
    }
    if (first != UINT64_MAX)
        v->failed[which]++;
    return first;
}

bool vary_flash_error(struct vary *v, uint64_t icount, uint64_t offset, uint64_t n, bool *again)
{
    if (!vary_has_nvram_errors(v) || !vary_begun(v, icount))
        return false;
    const uint64_t number = ++v->flash.writes, first = v->errors.nvram.first;
    if (number < first || number - first >= v->errors.nvram.count)
        return false;
    *again = number > first && offset == v->flash.next;
    v->flash.next = offset + n;
    return true;
}
