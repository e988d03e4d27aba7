/* modules.c - see modules.h. */
#include "core/systems/efi/modules.h"

#include <stdlib.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/systems/efi/private/impl.h"
#include "core/systems/efi/private/unpack.h"

struct modules {
    struct efi_image_module *list;
    size_t n;
    const uint8_t *bytes; /* that are read now */
    unsigned depth;       /* of packed sections */
};

/* PI 1.7, volume 3, 2.1.4.1: files that hold code. */
static const struct {
    uint8_t type;
    bool unseen;
    const char *word;
} types[] = {
    {EFI_TYPE_SEC, false, "SEC"},
    {EFI_TYPE_PEI_CORE, false, "PEI core"},
    {EFI_TYPE_DXE_CORE, false, "DXE core"},
    {EFI_TYPE_PEIM, false, "PEI module"},
    {EFI_TYPE_DRIVER, false, "driver"},
    {EFI_TYPE_PEIM_DRIVER, false, "PEI module and driver"},
    {EFI_TYPE_APPLICATION, false, "application"},
    {EFI_TYPE_SMM_DRIVER, false, "SMM driver"},
    {EFI_TYPE_SMM_AND_DRIVER, false, "driver and SMM driver"},
    {EFI_TYPE_MM_CORE, false, "SMM core"},
    {14, true, "standalone MM driver"},
    {15, true, "standalone MM core"},
};

/* ---------------------------------------------------------------- of an image */

static void debug_name(const uint8_t *p, size_t n, char name[EFI_NAME])
{
    enum { ENTRY = 28, TYPE = 12, SIZE = 16, WHERE = 24, CODEVIEW = 2, MOST = 8 };
    struct efi_image im;
    name[0] = 0;
    if (!efi_image_read(p, n, &im) || !im.debug)
        return;
    const uint64_t table = im.debug + im.base; /* relative addresses are file offsets in firmware's images */
    for (unsigned i = 0; i < MOST && (i + 1) * ENTRY <= im.debug_size && !name[0]; i++) {
        const uint64_t at = table + i * ENTRY;
        if (at > n || n - at < ENTRY)
            return;
        const uint64_t size = le32(p + at + SIZE), where = le32(p + at + WHERE) + (im.te ? im.base : 0);
        if (le32(p + at + TYPE) == CODEVIEW && where <= n && size <= n - where)
            efi_image_codeview(p + where, size, name);
    }
}

static void take_file(void *ctx, const struct efi_file *f)
{
    struct modules *m = ctx;
    size_t i = 0;
    while (i < sizeof types / sizeof types[0] && types[i].type != f->type)
        i++;
    if (i == sizeof types / sizeof types[0])
        return;
    MEM_MORE(m->list, m->n);
    struct efi_image_module *own = &m->list[m->n++];
    *own = (struct efi_image_module){.type = types[i].word,
                                     .smm = types[i].type == EFI_TYPE_SMM_DRIVER ||
                                            types[i].type == EFI_TYPE_MM_CORE,
                                     .unseen = types[i].unseen,
                                     .size = f->size,
                                     .packed = m->depth};
    efi_guid_digits(&f->guid, own->guid, sizeof own->guid);
    if (f->name[0])
        snprintf(own->name, sizeof own->name, "%s", f->name);
    else if (f->length)
        debug_name(m->bytes + f->image, f->length, own->name);
}

static void take_packed(void *ctx, const uint8_t *guid, const uint8_t *p, size_t n);

static void read_bytes(struct modules *m, const uint8_t *p, size_t n)
{
    const struct efi_volume_reader r = {.ctx = m, .file = take_file, .packed = take_packed};
    const uint8_t *outer = m->bytes;
    m->bytes = p;
    efi_volumes(p, n, &r);
    m->bytes = outer;
}

static void take_packed(void *ctx, const uint8_t *guid, const uint8_t *p, size_t n)
{
    struct modules *m = ctx;
    size_t size;
    uint8_t *bytes = m->depth < EFI_VOLUME_DEPTH ? efi_unpack(guid, p, n, &size) : NULL;
    if (!bytes)
        return;
    m->depth++;
    read_bytes(m, bytes, size);
    m->depth--;
    free(bytes);
}

struct efi_image_module *efi_modules_read(const uint8_t *p, size_t n, size_t *count)
{
    struct modules m = {0};
    read_bytes(&m, p, n);
    *count = m.n;
    return m.list;
}

/* ---------------------------------------------------------------- in a boot */

static bool has_name(const struct efi_image_module *m, const struct event *ev)
{
    return (strlen(m->name) == ev->len && !memcmp(m->name, ev->data, ev->len)) ||
           (strlen(m->guid) == ev->len && !memcmp(m->guid, ev->data, ev->len));
}

static uint64_t event_module_type(const struct event *ev)
{
    return ev->kind == EV_EFI_START ? EVF(ev, EFI_START, type) : EVF(ev, EFI_LOADED, type);
}

int efi_modules_used(struct efi_image_module *list, size_t n, struct trace *t, struct error *err)
{
    static const char nameless[] = "module at ";
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FIRMWARE));
    struct event ev;
    bool others = false; /* modules without a name were started */
    bool smm = false;    /* modules of SMM are in the trace */
    int rc;
    for (size_t i = 0; i < n; i++)
        list[i].use = EFI_DISPATCHED_NEVER;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1) {
        if (ev.kind != EV_EFI_START && ev.kind != EV_EFI_LOADED)
            continue;
        smm |= efi_type_is_smm((unsigned)event_module_type(&ev));
        const enum efi_use use = ev.kind == EV_EFI_START ? EFI_STARTED : EFI_LOADED;
        others |= ev.len >= sizeof nameless && !memcmp(ev.data, nameless, sizeof nameless - 1);
        for (size_t i = 0; i < n; i++)
            if (use < list[i].use && has_name(&list[i], &ev))
                list[i].use = use;
    }
    trace_cursor_close(c);
    for (size_t i = 0; i < n; i++)
        if (list[i].use == EFI_DISPATCHED_NEVER &&
            (list[i].unseen || (list[i].smm && !smm) || (others && !list[i].name[0])))
            list[i].use = EFI_UNKNOWN;
    return rc;
}
