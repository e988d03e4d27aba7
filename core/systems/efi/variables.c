/* variables.c - UEFI variables at a position. See look.h.
 *
 * Variables are in stores: regions with a header, in which each change is appended, and what it replaces is marked as deleted. Those
 * that last are in flash; those that do not, and copies of the former, are in runtime memory. Firmware that is in ROM keeps all in memory.
 * Source: EDK II's format of them (MdeModulePkg/Include/Guid/VariableFormat.h), with and without authentication.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/systems/efi/private/variables.h"

enum {
    /* VARIABLE_STORE_HEADER */
    STORE_SIZE = 16,
    STORE_FORMAT = 20,
    STORE_STATE = 21,
    STORE_HEADER = 28,
    STORE_FORMATTED = 0x5a,
    STORE_HEALTHY = 0xfe,
    STORE_MOST = 4 << 20,
    NON_VOLATILE = 1,
    VARIABLES_MOST = 1 << 14,
};

/* The GUID of a store says which form its variables have. */
static const char *const store_guids[VARIABLE_FORMS] = {
    [VARIABLE_PLAIN] = "EFI_VARIABLE", [VARIABLE_AUTHENTICATED] = "EFI_AUTHENTICATED_VARIABLE"};

struct variables {
    struct efi_look *l;
    struct variable *list;
    size_t n;
    uint8_t **stores;
    size_t nstores;
    bool lasting; /* those that last are known, from flash */
};

/* ---------------------------------------------------------------- a store */

/* VARIABLE_FORMS: this is no store. */
static enum variable_form form_of(const uint8_t *p)
{
    struct efi_guid guid;
    memcpy(guid.b, p, sizeof guid.b);
    unsigned form = 0;
    while (form < VARIABLE_FORMS && !efi_guid_is(&guid, store_guids[form]))
        form++;
    return (enum variable_form)form;
}

static bool is_same(const struct variable *a, const struct variable *b)
{
    return !memcmp(a->guid, b->guid, sizeof *a->guid) && a->name_size == b->name_size &&
           !memcmp(a->name, b->name, a->name_size);
}

/* What is being replaced counts only while its successor is not there. */
static void take_variable(struct variables *vs, const struct variable *v, size_t first)
{
    if ((v->state != VARIABLE_ADDED && v->state != VARIABLE_REPLACED) || vs->n == VARIABLES_MOST)
        return;
    for (size_t i = 0; i < vs->n; i++)
        if (is_same(&vs->list[i], v)) {
            if (i >= first && v->state == VARIABLE_ADDED)
                vs->list[i] = *v;
            return;
        }
    MEM_MORE(vs->list, vs->n);
    vs->list[vs->n++] = *v;
}

static void read_store(struct variables *vs, uint64_t address, uint32_t size, enum variable_form form)
{
    const size_t first = vs->n;
    struct variable v;
    uint8_t *bytes = mem_zero(1, size);
    MEM_MORE(vs->stores, vs->nstores);
    vs->stores[vs->nstores++] = bytes;
    efi_read_physical(&vs->l->eg, address, bytes, size);
    for (size_t at = STORE_HEADER, n; at < size && (n = variable_read(form, bytes + at, size - at, &v));
         at += n)
        if (!vs->lasting || !(v.attributes & NON_VOLATILE))
            take_variable(vs, &v, first);
}

/* ---------------------------------------------------------------- finding them */

enum { PIECE = 64 << 10, STORES_MOST = 16 };

static bool is_store(const uint8_t *p, uint32_t *size)
{
    *size = le32(p + STORE_SIZE);
    return p[STORE_FORMAT] == STORE_FORMATTED && p[STORE_STATE] == STORE_HEALTHY && *size > STORE_HEADER &&
           *size <= STORE_MOST && form_of(p) < VARIABLE_FORMS;
}

/* Reads the stores in a range, or only its first one. */
static void find_stores(struct variables *vs, uint64_t address, uint64_t size, bool one)
{
    uint8_t *bytes = mem_zero(1, PIECE + STORE_HEADER);
    uint32_t length;
    for (uint64_t at = 0; at < size && vs->nstores < STORES_MOST; at += PIECE) {
        uint64_t n = size - at < PIECE ? size - at : PIECE;
        efi_read_physical(&vs->l->eg, address + at, bytes, n);
        efi_read_physical(&vs->l->eg, address + at + n, bytes + n, STORE_HEADER);
        for (uint64_t i = 0; i < n && vs->nstores < STORES_MOST; i += 4)
            if (is_store(bytes + i, &length) && length <= size - at - i) {
                read_store(vs, address + at + i, length, form_of(bytes + i));
                at += one ? size : 0;
                if (one)
                    break;
            }
    }
    free(bytes);
}

/* The ROM and flash end at 4 GiB. A second store there is what a write that was cut off goes on from. */
static void look_in_flash(struct variables *vs)
{
    enum { MOST = 16 << 20 };
    const uint64_t top = 0x100000000u;
    uint64_t address = top;
    uint8_t byte;
    while (top - address < MOST && efi_read_physical(&vs->l->eg, address - PIECE, &byte, 1))
        address -= PIECE;
    find_stores(vs, address, top - address, true);
}

static void keep_runtime(struct efi_look *l, const struct look_range *r)
{
    enum { RUNTIME_DATA = 6 };
    if (r->type == RUNTIME_DATA && l->nmap < LOOK_RANGES)
        l->map[l->nmap++] = *r;
}

/* In the memory map with which boot services ended, or before that in the DXE core's. */
static void look_in_memory(struct variables *vs)
{
    enum { RUNTIME_DATA = 6, MOST = 256 << 20 };
    struct efi_look *l = vs->l;
    uint64_t sum = 0;
    if (!l->ended)
        look_memory(l, keep_runtime);
    for (size_t i = 0; i < l->nmap; i++)
        if (l->map[i].type == RUNTIME_DATA && l->map[i].size <= MOST - sum) {
            find_stores(vs, l->map[i].address, l->map[i].size, false);
            sum += l->map[i].size;
        }
}

/* ---------------------------------------------------------------- the list */

static int by_name(const void *a, const void *b)
{
    const struct variable *x = a, *y = b;
    const size_t nx = x->name_size / 2, ny = y->name_size / 2;
    for (size_t i = 0; i < nx && i < ny; i++) {
        unsigned cx = le16(x->name + 2 * i), cy = le16(y->name + 2 * i);
        if (cx != cy)
            return cx < cy ? -1 : 1;
    }
    return nx != ny ? (nx < ny ? -1 : 1) : memcmp(x->guid, y->guid, sizeof *x->guid);
}

static void add_guid(struct text *out, const struct efi_guid *guid)
{
    const uint8_t *b = guid->b;
    text_add(out, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[3], b[2], b[1],
             b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* Its name, and its GUID in digits: as the files of Linux's efivarfs are called. */
static void add_name(struct text *out, const struct variable *v)
{
    variable_name(v, out);
    text_add(out, "-");
    add_guid(out, v->guid);
    if (efi_guid_name(v->guid))
        text_add(out, "  %s", efi_guid_name(v->guid));
}

/* UEFI specification, 8.2.1. NULL beyond the last. */
static const char *attribute_name(unsigned i)
{
    static const char *const names[] = {"NV",
                                        "BS",
                                        "RT",
                                        "HW",
                                        "count-authenticated",
                                        "time-authenticated",
                                        "append",
                                        "enhanced-authenticated"};
    return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static void add_attributes(struct text *out, uint32_t attributes)
{
    bool any = false;
    for (unsigned i = 0; attribute_name(i); i++)
        if (attributes >> i & 1) {
            text_add(out, "%s%s", any ? "+" : "", attribute_name(i));
            any = true;
        }
}

static void add_data(struct text *out, const uint8_t *data, size_t n)
{
    enum { ROW = 16 };
    for (size_t at = 0; at < n; at += ROW) {
        char digits[3 * ROW + 1] = "", letters[ROW + 1] = "";
        for (size_t i = 0; i < ROW && at + i < n; i++) {
            const uint8_t c = data[at + i];
            snprintf(digits + 3 * i, sizeof digits - 3 * i, " %02x", c);
            letters[i] = c >= ' ' && c < 0x7f ? (char)c : '.';
        }
        text_add(out, "      %08zx %-48s  %s\n", at, digits, letters);
    }
}

static void show_text(struct efi_look *l, const struct variable *v, const char *meaning)
{
    add_name(l->out, v);
    text_add(l->out, "  ");
    add_attributes(l->out, v->attributes);
    text_add(l->out, "  %" PRIu32 " bytes\n", v->data_size);
    for (const char *p = meaning; p && *p; p += strcspn(p, "\n"), p += *p == '\n')
        text_add(l->out, "      %.*s\n", (int)strcspn(p, "\n"), p);
    add_data(l->out, v->data, v->data_size);
}

static void show_json(struct efi_look *l, const struct variable *v, const char *meaning)
{
    struct text name = {0}, guid = {0}, data = {0};
    variable_name(v, &name);
    add_guid(&guid, v->guid);
    for (uint32_t i = 0; i < v->data_size; i++)
        text_add(&data, "%02x", v->data[i]);
    look_json_open(l);
    look_json_text(l, "name", name.s ? name.s : "");
    look_json_text(l, "guid", guid.s);
    look_json_text(l, "vendor", efi_guid_name(v->guid));
    look_json_begin(l, "attributes");
    for (unsigned i = 0; attribute_name(i); i++)
        if (v->attributes >> i & 1)
            look_json_text(l, NULL, attribute_name(i));
    look_json_end(l);
    look_json_number(l, "size", v->data_size);
    look_json_text(l, "meaning", meaning);
    look_json_text(l, "data", data.s ? data.s : "");
    look_json_close(l);
    free(name.s);
    free(guid.s);
    free(data.s);
}

int look_at_variables(struct efi_look *l, struct error *err)
{
    struct variables vs = {.l = l};
    look_in_flash(&vs);
    vs.lasting = l->flash && vs.nstores;
    /* ROM has what they are at the beginning, memory what they have become. */
    const size_t rom = vs.n, stores = vs.nstores;
    if (!l->flash)
        vs.n = 0;
    look_in_memory(&vs);
    if (!l->flash && vs.nstores == stores)
        vs.n = rom;
    if (vs.n)
        qsort(vs.list, vs.n, sizeof *vs.list, by_name);
    for (size_t i = 0; i < vs.n; i++) {
        struct text meaning = {0};
        variable_meaning(l, vs.list, vs.n, &vs.list[i], &meaning);
        (l->json ? show_json : show_text)(l, &vs.list[i], meaning.s);
        free(meaning.s);
    }
    for (size_t i = 0; i < vs.nstores; i++)
        free(vs.stores[i]);
    const bool found = vs.nstores;
    free(vs.stores);
    free(vs.list);
    return found
               ? 0
               : error_set(
                     err,
                     "variables: there is no variable store in EDK II's form in flash or runtime memory at this position");
}
