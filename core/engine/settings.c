/* settings.c - see settings.h. */
#include "core/engine/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"

static const struct setting_row rows[] = {
    {"machine", SETTING_WORD, SETTING_MACHINES, .preset = "pc", .what = "the board"},
    {"memory", SETTING_NUMBER, .min = 1 << 20, .max = ENGINE_MEMORY, .preset = "268435456",
     .what = "bytes of RAM"},
    {"cpus", SETTING_NUMBER, .min = 1, .max = ENGINE_CPUS, .preset = "1", .what = "processors"},
    {"cpu", .what = "the processor model, with what is added to it (hv_cpu_model())"},
    {"rtc", SETTING_DATE, .preset = "2027-01-01T00:00:00", .what = "the clock's time at power-on"},
    {"bios", SETTING_WORD, "builtin|seabios|ovmf|file|flash|none",
     .what = "which firmware the image \"bios\" or flash is"},
    {"pflash#", SETTING_WORD, "read-only|writable", .what = "how the guest may use a flash chip"},
    {"boot", .what = "the order of devices: letters c, d, a, n"},
    {"boot-menu", SETTING_NUMBER, .max = UINT16_MAX, .what = "ms for which the firmware waits for a key"},
    {"vga", SETTING_WORD, SETTING_VGA, .preset = "std", .what = "the display adapter"},
    {"usb", SETTING_WORDS, SETTING_USB, .what = "devices on USB that are no drives"},
    {"virtio", SETTING_WORDS, SETTING_VIRTIO, .what = "devices on virtio that are no drives"},
    {"disk#-interface", SETTING_WORD, SETTING_DISK_INTERFACES, .what = "what the image disk# is attached to"},
    {"disk#-serial", .what = "the serial number of a drive"},
    {"cdrom#-interface", SETTING_WORD, SETTING_CDROM_INTERFACES,
     .what = "what the image cdrom# is attached to"},
    {"cdrom#-serial", .what = "the serial number of a drive"},
    {"nic#", SETTING_WORD, SETTING_NICS, .what = "the model of a network card"},
    {"nic#-mac", .what = "its address"},
    {"share#-tag", .what = "by which the guest mounts a folder of the host"},
    {"share#-path", .what = "where the guest mounts it, for people"},
    {"append", .what = "the kernel's command line"},
    {"module#", .what = "a module's string"},
    {"protocol", SETTING_WORD, SETTING_PROTOCOLS, .what = "how the kernel is loaded and entered"},
    {"flat-address", SETTING_NUMBER, .max = ENGINE_MEMORY - 1, .what = "where a bare binary is loaded"},
    {"vary", .what = "what the machine chooses otherwise (hv/vary/vary.h)"},
    {"vary-seed", SETTING_NUMBER, .max = UINT64_MAX, .what = "which of the possible choices"},
    {"vary-from", SETTING_NUMBER, .max = UINT64_MAX, .what = "the icount of the first choice"},
    {"vary-from-time", SETTING_NUMBER, .max = UINT64_MAX,
     .what = "the guest time of the first choice, in ns"},
    {"schedule", .what = "choices, one a line"},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* ---------------------------------------------------------------- words */

const char *setting_word(const char *words, unsigned place, size_t *n)
{
    while (place-- && (words = strchr(words, '|')))
        words++;
    if (words)
        *n = strcspn(words, "|");
    return words;
}

int setting_place(const char *words, const char *word, size_t n)
{
    size_t length;
    const char *w;
    for (unsigned i = 0; (w = setting_word(words, i, &length)); i++)
        if (length == n && !memcmp(w, word, n))
            return (int)i;
    return -1;
}

void setting_list(char *text, size_t size, const char *words)
{
    size_t length, at = 0;
    const char *w;
    *text = 0;
    for (unsigned i = 0; (w = setting_word(words, i, &length)) && at < size; i++) {
        const char *before = !i ? "" : w[length] ? ", " : " or ";
        at += (size_t)snprintf(text + at, size - at, "%s%.*s", before, (int)length, w);
    }
}

/* ---------------------------------------------------------------- rows */

const struct setting_row *setting_row(unsigned i)
{
    return i < ROWS ? &rows[i] : NULL;
}

static bool is_key(const char *pattern, const char *key)
{
    const size_t n = strcspn(pattern, "#");
    if (strncmp(pattern, key, n))
        return false;
    if (!pattern[n])
        return !key[n];
    return !strcmp(pattern + n + 1, key + n + strspn(key + n, "0123456789"));
}

const struct setting_row *setting_row_of(const char *key)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (is_key(rows[i].key, key))
            return &rows[i];
    return NULL;
}

const char *setting_preset(const char *key)
{
    const struct setting_row *row = setting_row_of(key);
    return row ? row->preset : NULL;
}

/* ---------------------------------------------------------------- values */

static bool is_number(const struct setting_row *row, const char *value, uint64_t *n)
{
    char *end;
    errno = 0;
    *n = isdigit((unsigned char)*value) ? strtoull(value, &end, 0) : 0;
    return isdigit((unsigned char)*value) && !errno && !*end && *n >= row->min && *n <= row->max;
}

static bool are_words(const char *words, const char *value)
{
    size_t n;
    for (; setting_place(words, value, n = strcspn(value, ",")) >= 0; value += n + 1)
        if (!value[n])
            return true;
    return false;
}

int setting_check(const struct setting_row *row, const char *key, const char *value, struct error *err)
{
    char words[120];
    uint64_t n;
    int64_t seconds;
    switch (row->type) {
    case SETTING_NUMBER:
        return is_number(row, value, &n)
                   ? 0
                   : error_set(err, "%s=%.40s: must be a number from %llu to %llu", key, value,
                               (unsigned long long)row->min, (unsigned long long)row->max);
    case SETTING_WORD:
    case SETTING_WORDS:
        setting_list(words, sizeof words, row->words);
        if (row->type == SETTING_WORDS ? are_words(row->words, value)
                                       : setting_place(row->words, value, strlen(value)) >= 0)
            return 0;
        return error_set(err, "%s=%.40s: must be %s", key, value, words);
    case SETTING_DATE:
        return date_parse(value, &seconds)
                   ? 0
                   : error_set(err, "%s=%.40s: must be a date of the form %s", key, value, row->preset);
    default:
        return 0;
    }
}

int settings_check(const struct engine_config *cfg, struct error *err)
{
    for (size_t i = 0; i < cfg->nsettings; i++) {
        const struct setting *s = &cfg->settings[i];
        const struct setting_row *row = setting_row_of(s->key);
        if (row && setting_check(row, s->key, s->value, err))
            return -1;
    }
    return 0;
}

const char *setting_value(const struct engine_config *cfg, const char *key)
{
    const char *value = config_get(cfg, key);
    return value ? value : setting_preset(key);
}

int setting_number(const struct engine_config *cfg, const char *key, uint64_t *value, struct error *err)
{
    const struct setting_row *row = setting_row_of(key);
    const char *text = setting_value(cfg, key);
    if (setting_check(row, key, text, err))
        return -1;
    *value = strtoull(text, NULL, 0);
    return 0;
}

bool setting_has(const struct engine_config *cfg, const char *key, const char *word)
{
    const char *value = setting_value(cfg, key);
    const size_t n = strlen(word);
    for (size_t length; value; value = value[length] ? value + length + 1 : NULL) {
        length = strcspn(value, ",");
        if (length == n && !memcmp(value, word, n))
            return true;
    }
    return false;
}
