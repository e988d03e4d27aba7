/* module.c - volumes in memory, modules, their starts and returns. See impl.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/impl.h"

/* ---------------------------------------------------------------- files */

const struct efi_known *efi_known_file(const struct efi_guest *eg, const struct efi_guid *guid)
{
    for (size_t i = 0; i < eg->nknown; i++)
        if (!memcmp(eg->known[i].guid.b, guid->b, sizeof guid->b))
            return &eg->known[i];
    return NULL;
}

static void know(struct efi_guest *eg, const struct efi_file *f, const struct efi_image *im)
{
    if (efi_known_file(eg, &f->guid))
        return;
    if (eg->nknown == EFI_KNOWN) {
        efi_say_full(eg, "files");
        return;
    }
    MEM_MORE(eg->known, eg->nknown);
    struct efi_known *k = &eg->known[eg->nknown++];
    *k = (struct efi_known){.guid = f->guid, .type = f->type, .size = im->size, .entry = im->entry};
    memcpy(k->name, f->name, sizeof k->name);
}

/* ---------------------------------------------------------------- modules */

struct efi_module *efi_module_at(const struct efi_guest *eg, uint64_t address)
{
    for (size_t i = eg->nmodules; i-- > 0;)
        if (address - eg->modules[i]->base < eg->modules[i]->size && eg->modules[i]->table)
            return eg->modules[i];
    return NULL;
}

struct efi_module *efi_module_of(const struct efi_guest *eg, uint64_t handle)
{
    for (size_t i = eg->nmodules; i-- > 0;)
        if (handle && eg->modules[i]->handle == handle)
            return eg->modules[i];
    return NULL;
}

const char *efi_module_name(const struct efi_guest *eg, uint64_t address)
{
    const struct efi_module *m = efi_module_at(eg, address);
    return m ? m->name : "";
}

struct efi_module *efi_module_add(struct efi_guest *eg, const struct efi_module *like)
{
    if (eg->nmodules == EFI_MODULES) {
        efi_say_full(eg, "modules");
        return NULL;
    }
    struct efi_module *m = mem_zero(1, sizeof *m);
    *m = *like;
    m->eg = eg;
    if (!m->name[0])
        snprintf(m->name, sizeof m->name, "module at 0x%llx", (unsigned long long)m->base);
    MEM_MORE(eg->modules, eg->nmodules);
    eg->modules[eg->nmodules++] = m;
    efi_map_symbols(m);
    return m;
}

void efi_module_gone(struct efi_guest *eg, struct efi_module *m)
{
    efi_unmap_symbols(m);
    m->handle = 0;
}

/* ---------------------------------------------------------------- start and return */

static void on_return(struct hook *h, const struct probe_hit *hit, const struct hook_frame *f)
{
    const struct efi_module *m = *(struct efi_module **)h->ctx;
    GUEST_EMIT(m->eg, EV_EFI_RETURN, m->name, m->type, efi_reg(m->eg, GUEST_RAX), hit->time - f->time);
}

static void on_entry(void *ctx, const struct probe_hit *hit)
{
    struct efi_module *m = ctx;
    GUEST_EMIT(m->eg, EV_EFI_START, m->name, m->type, m->base, m->size, m->entry, m->handle);
    if (m->type == EFI_TYPE_PEIM || m->type == EFI_TYPE_PEIM_DRIVER)
        hook_follow(m->hook, hit);
    efi_entered(m->eg, m);
}

void efi_module_probe(struct efi_module *m)
{
    struct efi_module **ctx = mem_alloc(sizeof *ctx);
    *ctx = m;
    m->hook = hook_keep(m->eg->base.hooks, ctx);
    hooks_probe(m->eg->base.hooks, PROBE_PHYSICAL, m->entry, on_entry, m);
    m->hook->leave = on_return;
    m->hook->follows = true;
}

/* ---------------------------------------------------------------- volumes */

struct volume_walk {
    struct efi_guest *eg;
    const uint8_t *bytes;
    uint64_t address; /* of bytes */
};

static bool in_place(unsigned type)
{
    return type == EFI_TYPE_SEC || type == EFI_TYPE_PEI_CORE || type == EFI_TYPE_PEIM ||
           type == EFI_TYPE_PEIM_DRIVER;
}

static void take_file(void *ctx, const struct efi_file *f)
{
    const struct volume_walk *l = ctx;
    struct efi_image im = {0};
    bool image = f->length && efi_image_read(l->bytes + f->image, f->length, &im);
    know(l->eg, f, &im);
    if (!in_place(f->type) || !image)
        return;
    struct efi_module m = {.type = f->type, .base = l->address + f->image + im.base, .size = im.size};
    m.entry = m.base + im.entry;
    m.size = im.te ? f->length - im.base : im.size;
    if (m.entry - (l->address + f->image) >= f->length || m.size > f->length - im.base) {
        efi_note(l->eg, "%s has its entry outside its file: it is not followed", f->name);
        return;
    }
    memcpy(m.name, f->name, sizeof m.name);
    struct efi_module *own = efi_module_add(l->eg, &m);
    if (own)
        efi_module_probe(own);
}

static void take_volume(void *ctx, const struct efi_volume *v)
{
    const struct volume_walk *l = ctx;
    struct efi_guest *eg = l->eg;
    static const struct efi_guid none;
    char name[EFI_NAME] = "";
    efi_guid_text(l->eg, memcmp(&v->name, &none, sizeof none) ? &v->name : &v->system, name, sizeof name);
    GUEST_EMIT(l->eg, EV_EFI_VOLUME, name, l->address + v->offset, v->size, v->count);
    if (eg->nlooked < EFI_LOOKED)
        eg->looked[eg->nlooked++] = l->address + v->offset;
    if (v->damaged)
        efi_note(l->eg,
                 "firmware volume %s: a file or a section does not fit into it: what follows is not known",
                 name);
}

unsigned efi_look_at(struct efi_guest *eg, uint64_t address, uint64_t size)
{
    enum { PIECE = 64 << 10, MOST = 64 << 20 };
    uint8_t *bytes = mem_zero(1, size < MOST ? size : MOST);
    struct volume_walk l = {eg, bytes, address};
    const struct efi_volume_reader r = {.ctx = &l, .volume = take_volume, .file = take_file};
    if (size > MOST) {
        efi_note(eg, "a firmware volume of %llu bytes: only its first %u are read", (unsigned long long)size,
                 MOST);
        size = MOST;
    }
    for (uint64_t at = 0; at < size; at += PIECE) /* what is no memory stays zero */
        efi_read_physical(eg, address + at, bytes + at, size - at < PIECE ? size - at : PIECE);
    unsigned n = efi_volumes(bytes, size, &r);
    free(bytes);
    probes_apply(eg->base.o.probes);
    return n;
}

bool efi_look_around(struct efi_guest *eg, uint64_t address)
{
    enum { STEP = 16, BACK = 16 << 20, PIECE = 4096, HEADER = 512 };
    uint8_t page[PIECE], header[HEADER];
    uint64_t size, last = address > BACK ? address - BACK : 0;
    for (uint64_t at = address & ~(uint64_t)(PIECE - 1);; at -= PIECE) {
        efi_read_physical(eg, at, page, sizeof page);
        for (unsigned i = 40 % STEP; i + 4 <= PIECE; i += 8)
            if (!memcmp(page + i, "_FVH", 4) && at + i >= 40 &&
                efi_read_physical(eg, at + i - 40, header, HEADER) &&
                efi_volume_header(header, HEADER, &size) && address - (at + i - 40) < size)
                return efi_look_at(eg, at + i - 40, size);
        if (at <= last)
            return false;
    }
}

/* ---------------------------------------------------------------- loaded images */

void efi_debug_name(const struct efi_guest *eg, uint64_t base, const struct efi_image *im,
                    char name[EFI_NAME])
{
    enum { ENTRY = 28, TYPE = 12, SIZE = 16, WHERE = 20, CODEVIEW = 2, RECORD = 256, MOST = 8 };
    uint8_t record[RECORD];
    name[0] = 0;
    for (unsigned i = 0; im->debug && i < MOST && (i + 1) * ENTRY <= im->debug_size && !name[0]; i++) {
        uint64_t at = base + im->debug + i * ENTRY, size = efi_number(eg, at + SIZE, 4);
        if (efi_number(eg, at + TYPE, 4) != CODEVIEW)
            continue;
        size = size < RECORD ? size : RECORD;
        if (efi_read(eg, base + efi_number(eg, at + WHERE, 4), record, size))
            efi_image_codeview(record, size, name);
    }
}

/* The last part of its path; for a file of a volume, its name. */
static void name_of(const struct efi_guest *eg, uint64_t path, char name[EFI_NAME])
{
    char text[EFI_DATA] = "";
    efi_path_text(eg, path, text, sizeof text);
    const char *last = text;
    for (const char *p = text; *p; p++)
        if ((*p == '/' || *p == '\\') && p[1])
            last = p + 1;
    name[0] = 0;
    efi_put(name, EFI_NAME, "%s", last);
}

/* A boot manager has its own name, and not that of its file, which is often BOOTX64.EFI. */
static void name_manager(struct efi_guest *eg, struct efi_module *m)
{
    enum { STORY_OF_MANAGERS = 3 };
    char name[EFI_NAME], version[EFI_NAME];
    if (eg->base.o.story < STORY_OF_MANAGERS || m->type != EFI_TYPE_APPLICATION ||
        !efi_boot_manager(eg, m->base, m->size, name, version))
        return;
    efi_note(eg, "%s is %s%s%s", m->name, name, *version ? " " : "", version);
    memcpy(m->file, m->name, sizeof m->file);
    memcpy(m->name, name, sizeof m->name);
}

/* The members of EFI_LOADED_IMAGE_PROTOCOL, in words. */
enum { LOADED_PATH = 4, LOADED_BASE = 8 };

struct efi_module *efi_module_loaded(struct efi_guest *eg, uint64_t handle, bool loaded)
{
    enum { APPLICATION = 10 };
    uint8_t header[EFI_IMAGE_HEADER];
    struct efi_image im;
    struct efi_module m = {.handle = handle}, *old = efi_module_of(eg, handle);
    uint64_t protocol = efi_loaded_image(eg, handle);
    m.base = protocol ? efi_number(eg, protocol + LOADED_BASE * eg->word, eg->word) : 0;
    if (old && (!loaded || old->base == m.base))
        return old;
    if (!m.base || !efi_read(eg, m.base, header, sizeof header) ||
        !efi_image_read(header, sizeof header, &im))
        return NULL;
    m.size = im.size;
    m.entry = m.base + im.entry;
    m.type = im.subsystem == APPLICATION ? EFI_TYPE_APPLICATION : EFI_TYPE_DRIVER;
    name_of(eg, efi_number(eg, protocol + LOADED_PATH * eg->word, eg->word), m.name);
    if (!m.name[0])
        efi_debug_name(eg, m.base, &im, m.name);
    name_manager(eg, &m);
    return efi_module_add(eg, &m);
}
