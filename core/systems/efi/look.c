/* look.c - see look.h: where things are, from the trace's events; the lists; tables and images. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/look.h"

/* ---------------------------------------------------------------- memory */

static size_t peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    const struct efi_look *l = (const struct efi_look *)e;
    return l->memory->peek(l->memory->ctx, address, buf, n);
}

/* Firmware has every address mapped to itself. */
static size_t peek(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return peek_physical(e, address, buf, n);
}

static unsigned code_bits(const struct engine *e, unsigned cpu)
{
    return ((const struct efi_look *)e)->eg.word * 8;
}

/* ---------------------------------------------------------------- from the events */

static void forget(struct efi_look *l)
{
    free(l->images);
    l->images = NULL;
    l->nimages = l->nmap = 0;
    l->found = l->dxe = l->ended = false;
    l->eg.system_table = l->eg.boot_services = 0;
    l->eg.nlooked = 0;
}

static void take_image(struct efi_look *l, const struct event *ev)
{
    const bool started = ev->kind == EV_EFI_START;
    if (started) { /* it has been loaded, if it has a handle */
        for (size_t i = l->nimages; i-- > 0;)
            if (l->images[i].handle && l->images[i].handle == EVF(ev, EFI_START, handle)) {
                l->images[i].started = true;
                return;
            }
    }
    if (l->nimages == EFI_KNOWN)
        return;
    MEM_MORE(l->images, l->nimages);
    struct look_image *im = &l->images[l->nimages++];
    *im =
        (struct look_image){.handle = started ? EVF(ev, EFI_START, handle) : EVF(ev, EFI_LOADED, handle),
                            .base = started ? EVF(ev, EFI_START, base) : EVF(ev, EFI_LOADED, base),
                            .size = started ? EVF(ev, EFI_START, size) : EVF(ev, EFI_LOADED, size),
                            .type = (uint8_t)(started ? EVF(ev, EFI_START, type) : EVF(ev, EFI_LOADED, type)),
                            .started = started};
    snprintf(im->name, sizeof im->name, "%.*s", (int)ev->len, (const char *)ev->data);
    if (im->type == EFI_TYPE_DXE_CORE) {
        l->dxe = true;
        l->dxe_base = im->base;
        l->dxe_size = im->size;
    }
}

static void take_map(struct efi_look *l, const struct event *ev)
{
    if (l->nmap < LOOK_RANGES)
        l->map[l->nmap++] = (struct look_range){.address = EVF(ev, EFI_MAP, address),
                                                .size = EVF(ev, EFI_MAP, pages) << 12,
                                                .type = (uint32_t)EVF(ev, EFI_MAP, type),
                                                .attributes = EVF(ev, EFI_MAP, attributes)};
    if (!l->ended)
        l->ended_at = ev->icount;
    l->ended = true;
}

static void take_event(struct efi_look *l, const struct event *ev)
{
    switch (ev->kind) {
    case EV_RESET:
        forget(l);
        break;
    case EV_EFI_VOLUME:
        l->found = true;
        if (l->eg.nlooked < EFI_LOOKED)
            l->eg.looked[l->eg.nlooked++] = EVF(ev, EFI_VOLUME, address);
        break;
    case EV_EFI_START:
    case EV_EFI_LOADED:
        take_image(l, ev);
        break;
    case EV_EFI_SYSTEM_TABLE:
        l->eg.system_table = EVF(ev, EFI_SYSTEM_TABLE, address);
        l->eg.boot_services = EVF(ev, EFI_SYSTEM_TABLE, boot);
        break;
    case EV_EFI_MAP:
        take_map(l, ev);
        break;
    default:
        break;
    }
}

static int read_events(struct efi_look *l, struct trace *t, uint64_t icount, struct error *err)
{
    struct event ev;
    int rc;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FIRMWARE) | EVENT_CLASS_BIT(EC_POWER));
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1 && ev.icount <= icount)
        take_event(l, &ev);
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

const struct look_image *look_image(const struct efi_look *l, uint64_t handle)
{
    for (size_t i = l->nimages; handle && i-- > 0;)
        if (l->images[i].handle == handle)
            return &l->images[i];
    return NULL;
}

const char *look_image_name(const struct efi_look *l, uint64_t handle)
{
    const struct look_image *im = look_image(l, handle);
    return im ? im->name : "";
}

bool look_may(struct efi_look *l)
{
    if (l->nodes == LOOK_NODES)
        text_add(l->out, "(the lists have more than %d entries, or do not end: not read further)\n",
                 LOOK_NODES);
    return l->nodes <= LOOK_NODES && l->nodes++ < LOOK_NODES;
}

/* ---------------------------------------------------------------- names of files, from the volumes */

static void take_file(void *ctx, const struct efi_file *f)
{
    struct efi_guest *eg = ctx;
    if (!f->name[0] || eg->nknown == EFI_KNOWN || efi_known_file(eg, &f->guid))
        return;
    MEM_MORE(eg->known, eg->nknown);
    struct efi_known *k = &eg->known[eg->nknown++];
    *k = (struct efi_known){.guid = f->guid, .type = f->type};
    memcpy(k->name, f->name, sizeof k->name);
}

static void read_volume(struct efi_guest *eg, uint64_t address)
{
    enum { HEADER = 512, MOST = 64 << 20 };
    const struct efi_volume_reader r = {.ctx = eg, .file = take_file};
    uint8_t header[HEADER];
    uint64_t size;
    if (!efi_read_physical(eg, address, header, HEADER) || !efi_volume_header(header, HEADER, &size) ||
        size > MOST)
        return;
    uint8_t *bytes = mem_zero(1, size);
    if (efi_read_physical(eg, address, bytes, size))
        efi_volumes(bytes, size, &r);
    free(bytes);
}

/* ---------------------------------------------------------------- images */

/* The members of EFI_LOADED_IMAGE_PROTOCOL, in words: as in module.c. */
static bool show_image(void *ctx, uint64_t handle, uint64_t protocol)
{
    enum { LOADED_BASE = 8, LOADED_SIZE = 9 };
    struct efi_look *l = ctx;
    const unsigned word = l->eg.word;
    const uint64_t base = efi_number(&l->eg, protocol + LOADED_BASE * word, word),
                   size = efi_number(&l->eg, protocol + LOADED_SIZE * word, 8);
    const struct look_image *im = look_image(l, handle);
    const char *type = im ? efi_type_name(im->type) : NULL;
    if (l->json) {
        look_json_open(l);
        look_json_text(l, "name", im ? im->name : NULL);
        look_json_text(l, "type", type);
        look_json_hex(l, "base", base);
        look_json_number(l, "size", size);
        look_json_hex(l, "handle", handle);
        look_json_number(l, "started", im && im->started);
        look_json_close(l);
        return true;
    }
    text_add(l->out, "%010" PRIx64 "-%010" PRIx64 "  %-11s  handle 0x%" PRIx64 "  %s%s\n", base,
             base + size - 1, type ? type : "image", handle, im ? im->name : "(its load was not seen)",
             im && !im->started ? " (not started)" : "");
    return true;
}

static int look_at_images(struct efi_look *l, struct error *err)
{
    if (!efi_each_loaded(&l->eg, show_image, l))
        return error_set(
            err,
            "images: there is no debug image table at this position: give a later one (--at stage:bios.bds)");
    return 0;
}

/* ---------------------------------------------------------------- configuration tables */

static void show_table(struct efi_look *l, uint64_t at, const char *name, const char *vendor)
{
    if (!l->json) {
        text_add(l->out, "0x%010" PRIx64 "  %s%s%s\n", at, name, vendor ? ", by " : "", vendor ? vendor : "");
        return;
    }
    look_json_open(l);
    look_json_hex(l, "address", at);
    look_json_text(l, "name", name);
    if (vendor)
        look_json_text(l, "vendor", vendor);
    look_json_close(l);
}

static int look_at_tables(struct efi_look *l, struct error *err)
{
    struct efi_guest *eg = &l->eg;
    char vendor[EFI_NAME], name[EFI_NAME];
    struct efi_guid guid;
    uint64_t at;
    if (!eg->system_table)
        return error_set(
            err,
            "tables: the system table is not known at this position: give a later one (--at stage:bios.bds)");
    efi_ucs2(eg, efi_system_vendor(eg), vendor, sizeof vendor);
    show_table(l, eg->system_table, "system table", vendor[0] ? vendor : NULL);
    for (unsigned i = 0; efi_configuration(eg, i, &guid, &at); i++) {
        name[0] = 0;
        efi_guid_text(eg, &guid, name, sizeof name);
        show_table(l, at, name, NULL);
    }
    return 0;
}

/* ---------------------------------------------------------------- the lists */

static const struct list {
    const char *name, *what;
    int (*look)(struct efi_look *l, struct error *err); /* NULL: look_at_allocations */
    bool ends;                                          /* with boot services */
    bool names;                                         /* of files are needed */
} lists[] = {
    {"handles", "handles with their protocols, and who has opened these", look_at_handles, true, true},
    {"drivers", "drivers, and how many devices each drives", look_at_drivers, true, false},
    {"images", "images in memory", look_at_images, true, false},
    {"map", "the memory map", look_at_map, true, false},
    {"allocations", "who allocated pages that the memory map still has", NULL, true, false},
    {"tables", "the system table's configuration tables", look_at_tables, true, true},
    {"variables", "variables with their content", look_at_variables, false, true},
};

const char *firmware_list(size_t i, const char **what)
{
    if (i >= sizeof lists / sizeof lists[0])
        return NULL;
    *what = lists[i].what;
    return lists[i].name;
}

static const struct list *find_list(const char *name, struct error *err)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (!strcmp(lists[i].name, name))
            return &lists[i];
    error_set(
        err,
        "firmware: there is no list \"%.40s\": give handles, drivers, images, map, allocations, tables or variables",
        name);
    return NULL;
}

static bool flash_is_writable(struct trace *t)
{
    const struct trace_config *c = trace_config(t);
    const char *last = setting_find(c->settings, c->nsettings, "pflash1");
    if (!last)
        last = setting_find(c->settings, c->nsettings, "pflash0");
    return last && !strcmp(last, "writable");
}

static struct efi_look *look_new(struct trace *t, uint64_t icount, const struct firmware_memory *m,
                                 struct text *out, struct error *err)
{
    struct efi_look *l = mem_zero(1, sizeof *l);
    l->ops = (struct engine_ops){
        .name = "pc", .peek = peek, .peek_physical = peek_physical, .code_bits = code_bits};
    l->engine.ops = &l->ops;
    l->memory = m;
    l->out = out;
    l->eg.base.o.engine = &l->engine;
    l->eg.base.ops = &guest_base_plain;
    l->eg.word = 8;
    l->flash = flash_is_writable(t);
    if (!read_events(l, t, icount, err))
        return l;
    forget(l);
    free(l);
    return NULL;
}

static void look_free(struct efi_look *l)
{
    free(l->images);
    free(l->eg.known);
    free(l);
}

int firmware_position(struct trace *t, const char *list, uint64_t icount, uint64_t *at, struct error *err)
{
    const struct list *row = find_list(list, err);
    struct efi_look *l = row ? look_new(t, icount, NULL, NULL, err) : NULL;
    if (!l)
        return -1;
    *at = row->ends && l->ended ? l->ended_at : icount;
    look_free(l);
    return 0;
}

/* The width of its pointers is that of its code. */
static void find_width(struct efi_look *l)
{
    enum { I386 = 0x14c };
    uint8_t header[EFI_IMAGE_HEADER];
    struct efi_image im;
    if (l->dxe && efi_read_physical(&l->eg, l->dxe_base, header, sizeof header) &&
        efi_image_read(header, sizeof header, &im) && im.machine == I386)
        l->eg.word = 4;
}

/* The DXE core's handle is not in the events of its start, which comes before there are handles. */
static bool find_core(void *ctx, uint64_t handle, uint64_t protocol)
{
    enum { LOADED_BASE = 8 };
    struct efi_look *l = ctx;
    const uint64_t base = efi_number(&l->eg, protocol + LOADED_BASE * l->eg.word, l->eg.word);
    for (size_t i = 0; i < l->nimages && l->dxe; i++)
        if (!l->images[i].handle && l->images[i].type == EFI_TYPE_DXE_CORE && l->images[i].base == base)
            l->images[i].handle = handle;
    return true;
}

static int look_at(struct yajl_gen_t *json, struct text *out, struct trace *t, uint64_t icount,
                   const struct firmware_memory *m, const char *list, struct error *err)
{
    const struct list *row = find_list(list, err);
    struct efi_look *l = row ? look_new(t, icount, m, out, err) : NULL;
    int rc = -1;
    if (!l)
        return -1;
    l->json = json;
    if (!l->found)
        error_set(
            err,
            "%s: no UEFI firmware is known at this position: record with --bios ovmf or --pflash, and the events of "
            "the class firmware",
            list);
    else if (row->ends && l->ended && icount > l->ended_at)
        error_set(err, "%s: boot services have ended: the last position that has them is %" PRIu64, list,
                  l->ended_at);
    else {
        find_width(l);
        efi_each_loaded(&l->eg, find_core, l);
        for (size_t i = 0; row->names && i < l->eg.nlooked; i++)
            read_volume(&l->eg, l->eg.looked[i]);
        rc = row->look ? row->look(l, err) : look_at_allocations(l, t, icount, err);
    }
    look_free(l);
    return rc;
}

int firmware_text(struct text *out, struct trace *t, uint64_t icount, const struct firmware_memory *m,
                  const char *list, struct error *err)
{
    return look_at(NULL, out, t, icount, m, list, err);
}

int firmware_json(struct yajl_gen_t *json, struct text *notes, struct trace *t, uint64_t icount,
                  const struct firmware_memory *m, const char *list, struct error *err)
{
    return look_at(json, notes, t, icount, m, list, err);
}
