/* meaning.c - what the content of a UEFI variable means. See variables.h.
 *
 * Source: UEFI specification 2.10, 3.1.3 (load options) and 3.3 (globally defined variables).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/byte_order.h"
#include "core/systems/efi/private/path.h"
#include "core/systems/efi/private/variables.h"

struct meaning {
    const struct efi_look *l;
    const struct variable *list, *v;
    size_t n;
    struct text *out;
};

static bool is_name(const struct variable *v, const char *name)
{
    size_t n = strlen(name);
    if (v->name_size < 2 * n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (v->name[2 * i] != (uint8_t)name[i] || v->name[2 * i + 1])
            return false;
    return v->name_size == 2 * n || (!v->name[2 * n] && !v->name[2 * n + 1]);
}

static uint64_t number(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

/* ---------------------------------------------------------------- load options */

/* The length of the description in bytes, with its final zero; 0 if it has no end. */
static size_t description(const struct variable *v, struct text *out)
{
    enum { HEAD = 6 };
    for (size_t i = HEAD; i + 2 <= v->data_size; i += 2) {
        unsigned c = le16(v->data + i);
        if (!c)
            return i + 2 - HEAD;
        text_add(out, "%c", c >= ' ' && c < 0x7f ? (char)c : '?');
    }
    return 0;
}

/* EFI_LOAD_OPTION */
static void load_option(struct meaning *m)
{
    enum { HEAD = 6, ACTIVE = 1, HIDDEN = 8 };
    const struct variable *v = m->v;
    struct text name = {0}, path = {0};
    size_t used = v->data_size >= HEAD ? description(v, &name) : 0;
    if (used) {
        uint64_t attributes = number(v->data, 4), length = number(v->data + 4, 2);
        size_t rest = v->data_size - HEAD - used;
        bool whole = length <= rest && efi_device_path(&m->l->eg, v->data + HEAD + used, length, &path);
        text_add(m->out, "%s%s%s: %s%s", name.s ? name.s : "(no name)",
                 attributes & ACTIVE ? "" : ", not active", attributes & HIDDEN ? ", hidden" : "",
                 path.s ? path.s : "no path", whole ? "" : " (damaged)");
        if (length < rest)
            text_add(m->out, ", %" PRIu64 " bytes of data", (uint64_t)(rest - length));
    }
    free(name.s);
    free(path.s);
}

/* "Boot0001 (UEFI QEMU HARDDISK)": `word` is the option's sort. */
static void option(struct meaning *m, const char *word, unsigned n)
{
    char name[40];
    snprintf(name, sizeof name, "%s%04X", word, n);
    text_add(m->out, "%s", name);
    for (size_t i = 0; i < m->n; i++)
        if (is_name(&m->list[i], name) && !memcmp(m->list[i].guid, m->v->guid, sizeof *m->v->guid)) {
            struct text what = {0};
            if (m->list[i].data_size > 6 && description(&m->list[i], &what) && what.s)
                text_add(m->out, " (%s)", what.s);
            free(what.s);
            return;
        }
    text_add(m->out, " (there is none)");
}

static void options(struct meaning *m, const char *word)
{
    for (size_t i = 0; i + 2 <= m->v->data_size; i += 2) {
        text_add(m->out, "%s", i ? ", " : "");
        option(m, word, (unsigned)number(m->v->data + i, 2));
    }
}

/* ---------------------------------------------------------------- others */

static void path(struct meaning *m)
{
    if (!efi_device_path(&m->l->eg, m->v->data, m->v->data_size, m->out))
        text_add(m->out, " (damaged)");
}
static void text(struct meaning *m)
{
    for (size_t i = 0; i < m->v->data_size && m->v->data[i]; i++)
        text_add(m->out, "%c", m->v->data[i] >= ' ' && m->v->data[i] < 0x7f ? (char)m->v->data[i] : '?');
}
static void on_or_off(struct meaning *m)
{
    if (m->v->data_size == 1)
        text_add(m->out, "%s", m->v->data[0] == 1 ? "on" : m->v->data[0] ? "?" : "off");
}
static void seconds(struct meaning *m)
{
    if (m->v->data_size == 2 && number(m->v->data, 2) == 0xffff)
        text_add(m->out, "waits for a choice");
    else if (m->v->data_size == 2)
        text_add(m->out, "%" PRIu64 " s", number(m->v->data, 2));
}

static const struct {
    const char *name;
    void (*put)(struct meaning *m);
    const char *options; /* instead: a list of these */
} globals[] = {
    {"BootOrder", NULL, "Boot"},       {"BootCurrent", NULL, "Boot"},
    {"BootNext", NULL, "Boot"},        {"DriverOrder", NULL, "Driver"},
    {"SysPrepOrder", NULL, "SysPrep"}, {"ConIn", path, NULL},
    {"ConInDev", path, NULL},          {"ConOut", path, NULL},
    {"ConOutDev", path, NULL},         {"ErrOut", path, NULL},
    {"ErrOutDev", path, NULL},         {"Lang", text, NULL},
    {"LangCodes", text, NULL},         {"PlatformLang", text, NULL},
    {"PlatformLangCodes", text, NULL}, {"AuditMode", on_or_off, NULL},
    {"DeployedMode", on_or_off, NULL}, {"SecureBoot", on_or_off, NULL},
    {"SetupMode", on_or_off, NULL},    {"VendorKeys", on_or_off, NULL},
    {"Timeout", seconds, NULL},
};

/* "Boot0001", and so on. */
static bool is_option(const struct variable *v)
{
    static const char *const words[] = {"Boot", "Driver", "SysPrep", "PlatformRecovery"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);
        bool fits = v->name_size >= 2 * (n + 4) && v->name_size <= 2 * (n + 5);
        for (size_t k = 0; fits && k < n + 4; k++) {
            uint8_t c = v->name[2 * k];
            fits = !v->name[2 * k + 1] &&
                   (k < n ? c == (uint8_t)words[i][k] : (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
        }
        if (fits && (v->name_size == 2 * (n + 4) || !v->name[2 * (n + 4)]))
            return true;
    }
    return false;
}

void variable_meaning(const struct efi_look *l, const struct variable *list, size_t n,
                      const struct variable *v, struct text *out)
{
    struct meaning m = {l, list, v, n, out};
    if (!efi_guid_is(v->guid, "EFI_GLOBAL_VARIABLE"))
        return;
    if (is_option(v)) {
        load_option(&m);
        return;
    }
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++)
        if (is_name(v, globals[i].name)) {
            if (globals[i].options)
                options(&m, globals[i].options);
            else
                globals[i].put(&m);
            return;
        }
}
