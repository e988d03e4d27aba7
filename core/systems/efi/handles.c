/* handles.c - the DXE core's own lists: handles, protocols, drivers, the memory map. See look.h.
 *
 * Nothing in UEFI's tables points to them. But the DXE core marks its nodes with signatures, and keeps the lists' heads in its own image:
 * a head is found there as a link to a node with the signature, which points back to it. Source: the structures of EDK II
 * (MdeModulePkg/Core/Dxe: IHANDLE, PROTOCOL_INTERFACE, PROTOCOL_ENTRY, OPEN_PROTOCOL_DATA, MEMORY_MAP).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/look.h"

/* Members, in words from the node's signature; its links follow that. */
enum {
    NODE_LINK = 1,
    HANDLE_PROTOCOLS = 3,
    INTERFACE_ENTRY = 6,
    INTERFACE_POINTER = 7,
    INTERFACE_OPEN = 8,
    ENTRY_GUID = 3,
    OPEN_AGENT = 3,
    OPEN_CONTROLLER = 4,
    OPEN_ATTRIBUTES = 5,
};

static uint64_t word_at(const struct efi_look *l, uint64_t node, unsigned i)
{
    return efi_number(&l->eg, node + i * l->eg.word, l->eg.word);
}

static bool has_signature(const struct efi_look *l, uint64_t node, const char signature[4])
{
    uint32_t want;
    memcpy(&want, signature, 4);
    return node && efi_number(&l->eg, node, l->eg.word) == want;
}

/* ---------------------------------------------------------------- lists */

/* LIST_ENTRY: the next one, the one before. */
static bool is_head(const struct efi_look *l, uint64_t head, uint64_t next, const char signature[4])
{
    const unsigned word = l->eg.word;
    return next > word && !(next % word) && next != head && has_signature(l, next - word, signature) &&
           word_at(l, next, 1) == head;
}

uint64_t look_list(struct efi_look *l, const char signature[4])
{
    enum { MOST = 4 << 20 };
    const unsigned word = l->eg.word;
    const size_t size = l->dxe_size < MOST ? l->dxe_size : MOST;
    uint8_t *bytes = mem_zero(1, size + 1);
    uint64_t head = 0;
    if (l->dxe && efi_read_physical(&l->eg, l->dxe_base, bytes, size))
        for (size_t i = 0; i + 2 * word <= size && !head; i += word) {
            uint64_t next = 0;
            memcpy(&next, bytes + i, word);
            if (is_head(l, l->dxe_base + i, next, signature))
                head = l->dxe_base + i;
        }
    free(bytes);
    return head;
}

/* Each node has to point back to the one before it: so a list cannot have a cycle without its head. */
uint64_t look_next(struct efi_look *l, uint64_t head, uint64_t link)
{
    uint64_t next = word_at(l, link, 0);
    if (next == head || !look_may(l))
        return 0;
    if (next && word_at(l, next, 1) == link)
        return next;
    text_add(l->out, "(the list at 0x%" PRIx64 " is damaged at 0x%" PRIx64 ": not read further)\n", head,
             link);
    return 0;
}

/* ---------------------------------------------------------------- handles, protocols, who has opened them */

enum { HANDLES_MOST = 1 << 16, BY_CHILD = 8, BY_DRIVER = 16, EXCLUSIVE = 32 };

struct handles {
    uint64_t *list;
    size_t n;
};

static int read_handles(struct efi_look *l, struct handles *h, const char *list, struct error *err)
{
    const uint64_t head = look_list(l, "hndl");
    *h = (struct handles){0};
    if (!head)
        return error_set(err, "%s: the DXE core has no list of handles in EDK II's form at this position%s",
                         list, l->dxe ? "" : ": it does not run yet: give a later one (--at stage:bios.bds)");
    for (uint64_t at = head; (at = look_next(l, head, at));) {
        const uint64_t handle = at - NODE_LINK * l->eg.word;
        if (!has_signature(l, handle, "hndl") || h->n == HANDLES_MOST) {
            text_add(l->out, "(0x%" PRIx64 " is not a handle, or there are too many: not read further)\n",
                     handle);
            break;
        }
        MEM_MORE(h->list, h->n);
        h->list[h->n++] = handle;
    }
    return 0;
}

/* Its number in the list, from 1 on; 0 if it is not there. */
static size_t number_of(const struct handles *h, uint64_t handle)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->list[i] == handle)
            return i + 1;
    return 0;
}

struct protocol {
    uint64_t node, pointer;
    struct efi_guid guid;
};

typedef void protocol_fn(struct efi_look *l, const struct handles *h, uint64_t handle,
                         const struct protocol *p, void *ctx);

static void each_protocol(struct efi_look *l, const struct handles *h, uint64_t handle, protocol_fn *fn,
                          void *ctx)
{
    const unsigned word = l->eg.word;
    const uint64_t head = handle + HANDLE_PROTOCOLS * word;
    for (uint64_t at = head; (at = look_next(l, head, at));) {
        struct protocol p = {.node = at - NODE_LINK * word};
        uint64_t entry = word_at(l, p.node, INTERFACE_ENTRY);
        if (!has_signature(l, p.node, "pifc") || !has_signature(l, entry, "prte") ||
            !efi_read(&l->eg, entry + ENTRY_GUID * word, p.guid.b, sizeof p.guid.b)) {
            text_add(l->out, "(0x%" PRIx64 " is not a protocol: not read further)\n", p.node);
            return;
        }
        p.pointer = word_at(l, p.node, INTERFACE_POINTER);
        fn(l, h, handle, &p, ctx);
    }
}

struct opened {
    uint64_t agent, controller;
    uint32_t attributes;
};

typedef void opened_fn(struct efi_look *l, const struct handles *h, const struct opened *o, void *ctx);

static void each_opened(struct efi_look *l, const struct handles *h, const struct protocol *p, opened_fn *fn,
                        void *ctx)
{
    const unsigned word = l->eg.word;
    const uint64_t head = p->node + INTERFACE_OPEN * word;
    for (uint64_t at = head; (at = look_next(l, head, at));) {
        const uint64_t node = at - NODE_LINK * word;
        if (!has_signature(l, node, "podl")) {
            text_add(l->out, "(0x%" PRIx64 " is not an opened protocol: not read further)\n", node);
            return;
        }
        const struct opened o = {word_at(l, node, OPEN_AGENT), word_at(l, node, OPEN_CONTROLLER),
                                 (uint32_t)efi_number(&l->eg, node + OPEN_ATTRIBUTES * word, 4)};
        fn(l, h, &o, ctx);
    }
}

/* ---------------------------------------------------------------- the list of handles */

/* What a handle is called: its image's name, or its device path. */
static void find_name(struct efi_look *l, const struct handles *h, uint64_t handle, const struct protocol *p,
                      void *ctx)
{
    char *name = ctx;
    if (efi_guid_is(&p->guid, "EFI_LOADED_IMAGE_PROTOCOL")) {
        const struct look_image *im = look_image(l, handle);
        snprintf(name, EFI_DATA, "%s", im ? im->name : "image");
    } else if (efi_guid_is(&p->guid, "EFI_DEVICE_PATH_PROTOCOL") && !*name) {
        efi_path_text(&l->eg, p->pointer, name, EFI_DATA);
    }
}

/* The driver of an agent is the image whose handle it is, or that its driver binding protocol names. */
static void find_image(struct efi_look *l, const struct handles *h, uint64_t handle, const struct protocol *p,
                       void *ctx)
{
    enum { IMAGE = 4 }; /* EFI_DRIVER_BINDING_PROTOCOL: three functions, version */
    uint64_t *image = ctx;
    if (efi_guid_is(&p->guid, "EFI_LOADED_IMAGE_PROTOCOL"))
        *image = handle;
    else if (!*image && efi_guid_is(&p->guid, "EFI_DRIVER_BINDING_PROTOCOL"))
        *image = word_at(l, p->pointer, IMAGE);
}

static const char *agent_name(struct efi_look *l, const struct handles *h, uint64_t agent)
{
    uint64_t image = 0;
    if (number_of(h, agent))
        each_protocol(l, h, agent, find_image, &image);
    const char *name = look_image_name(l, image);
    return *name ? name : "an unknown driver";
}

static void opened_json(struct efi_look *l, const struct handles *h, const struct opened *o)
{
    if (!(o->attributes & (BY_DRIVER | BY_CHILD | EXCLUSIVE)))
        return;
    look_json_open(l);
    look_json_text(l, "how",
                   o->attributes & BY_DRIVER  ? "driver"
                   : o->attributes & BY_CHILD ? "child"
                                              : "exclusive");
    look_json_text(l, "agent", agent_name(l, h, o->agent));
    if (o->attributes & BY_CHILD)
        look_json_number(l, "child", number_of(h, o->controller));
    look_json_number(l, "exclusive", (o->attributes & EXCLUSIVE) != 0);
    look_json_close(l);
}

static void show_opened(struct efi_look *l, const struct handles *h, const struct opened *o, void *ctx)
{
    const size_t child = number_of(h, o->controller);
    if (l->json) {
        opened_json(l, h, o);
        return;
    }
    if (o->attributes & BY_DRIVER)
        text_add(l->out, "        driven by %s%s\n", agent_name(l, h, o->agent),
                 o->attributes & EXCLUSIVE ? ", exclusively" : "");
    else if (o->attributes & BY_CHILD)
        text_add(l->out, "        used by %s for handle %zu\n", agent_name(l, h, o->agent), child);
    else if (o->attributes & EXCLUSIVE)
        text_add(l->out, "        opened by %s, exclusively\n", agent_name(l, h, o->agent));
}

static void show_protocol(struct efi_look *l, const struct handles *h, uint64_t handle,
                          const struct protocol *p, void *ctx)
{
    char name[EFI_NAME] = "";
    efi_guid_text(&l->eg, &p->guid, name, sizeof name);
    if (!l->json) {
        text_add(l->out, "      %s 0x%" PRIx64 "\n", name, p->pointer);
        each_opened(l, h, p, show_opened, NULL);
        return;
    }
    look_json_open(l);
    look_json_text(l, "name", name);
    look_json_hex(l, "interface", p->pointer);
    look_json_begin(l, "opened");
    each_opened(l, h, p, show_opened, NULL);
    look_json_end(l);
    look_json_close(l);
}

static void show_handle(struct efi_look *l, const struct handles *h, size_t i, const char *name)
{
    if (!l->json) {
        text_add(l->out, "%4zu  0x%" PRIx64 "%s%s\n", i + 1, h->list[i], name[0] ? "  " : "", name);
        each_protocol(l, h, h->list[i], show_protocol, NULL);
        return;
    }
    look_json_open(l);
    look_json_number(l, "number", i + 1);
    look_json_hex(l, "handle", h->list[i]);
    look_json_text(l, "name", name[0] ? name : NULL);
    look_json_begin(l, "protocols");
    each_protocol(l, h, h->list[i], show_protocol, NULL);
    look_json_end(l);
    look_json_close(l);
}

int look_at_handles(struct efi_look *l, struct error *err)
{
    struct handles h;
    if (read_handles(l, &h, "handles", err))
        return -1;
    for (size_t i = 0; i < h.n; i++) {
        char name[EFI_DATA] = "";
        each_protocol(l, &h, h.list[i], find_name, name);
        show_handle(l, &h, i, name);
    }
    free(h.list);
    return 0;
}

/* ---------------------------------------------------------------- the list of drivers */

/* A driver: its handle has a driver binding protocol. */
struct driver {
    uint64_t handle, image;
    size_t number;
    uint32_t version;
    size_t devices, children;
    uint64_t device, child; /* the last one counted */
};

struct drivers {
    struct driver *list;
    size_t n;
    uint64_t handle; /* whose protocols are looked at */
};

static void find_driver(struct efi_look *l, const struct handles *h, uint64_t handle,
                        const struct protocol *p, void *ctx)
{
    enum { VERSION = 3, IMAGE = 4 };
    struct drivers *d = ctx;
    if (!efi_guid_is(&p->guid, "EFI_DRIVER_BINDING_PROTOCOL"))
        return;
    MEM_MORE(d->list, d->n);
    d->list[d->n++] =
        (struct driver){.handle = handle,
                        .number = number_of(h, handle),
                        .version = (uint32_t)efi_number(&l->eg, p->pointer + VERSION * l->eg.word, 4),
                        .image = word_at(l, p->pointer, IMAGE)};
}

/* A device counts once, whatever many of its protocols the driver has opened. */
static void count_opened(struct efi_look *l, const struct handles *h, const struct opened *o, void *ctx)
{
    struct drivers *d = ctx;
    for (size_t i = 0; i < d->n; i++) {
        struct driver *one = &d->list[i];
        if (one->handle != o->agent)
            continue;
        if (o->attributes & BY_DRIVER && one->device != d->handle) {
            one->device = d->handle;
            one->devices++;
        } else if (o->attributes & BY_CHILD) {
            one->children++;
        }
    }
}

static void count_protocol(struct efi_look *l, const struct handles *h, uint64_t handle,
                           const struct protocol *p, void *ctx)
{
    each_opened(l, h, p, count_opened, ctx);
}

int look_at_drivers(struct efi_look *l, struct error *err)
{
    struct handles h;
    struct drivers d = {0};
    if (read_handles(l, &h, "drivers", err))
        return -1;
    for (size_t i = 0; i < h.n; i++)
        each_protocol(l, &h, h.list[i], find_driver, &d);
    for (size_t i = 0; i < h.n; i++) {
        d.handle = h.list[i];
        each_protocol(l, &h, h.list[i], count_protocol, &d);
    }
    for (size_t i = 0; i < d.n; i++) {
        const struct driver *one = &d.list[i];
        const char *name = look_image_name(l, one->image);
        if (l->json) {
            look_json_open(l);
            look_json_number(l, "number", one->number);
            look_json_hex(l, "handle", one->handle);
            look_json_text(l, "name", *name ? name : NULL);
            look_json_hex(l, "version", one->version);
            look_json_number(l, "devices", one->devices);
            look_json_number(l, "children", one->children);
            look_json_close(l);
            continue;
        }
        text_add(l->out, "%4zu  0x%" PRIx64 "  version %08" PRIX32 "  devices %-3zu children %-3zu  %s\n",
                 one->number, one->handle, one->version, one->devices, one->children,
                 *name ? name : "(its load was not seen)");
    }
    free(d.list);
    free(h.list);
    return 0;
}

/* ---------------------------------------------------------------- the memory map */

/* MEMORY_MAP: signature, link, a byte, the type; numbers of 64 bits are aligned. */
static void read_range(const struct efi_look *l, uint64_t node, struct look_range *r)
{
    enum { START = 0, END = 8, ATTRIBUTES = 24 };
    const unsigned word = l->eg.word;
    const uint64_t numbers = node + (3 * word + 8 + 7) / 8 * 8;
    const uint64_t end = efi_number(&l->eg, numbers + END, 8);
    *r = (struct look_range){.address = efi_number(&l->eg, numbers + START, 8),
                             .attributes = efi_number(&l->eg, numbers + ATTRIBUTES, 8),
                             .type = (uint32_t)efi_number(&l->eg, node + 3 * word + 4, 4)};
    r->size = end > r->address ? end - r->address + 1 : 0;
}

static int by_address(const void *a, const void *b)
{
    const struct look_range *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static void join_ranges(struct efi_look *l, struct look_range *r, size_t n,
                        void (*fn)(struct efi_look *l, const struct look_range *r))
{
    qsort(r, n, sizeof *r, by_address);
    for (size_t i = 0; i < n; i++) {
        struct look_range *next = i + 1 < n ? &r[i + 1] : NULL;
        if (next && next->address == r[i].address + r[i].size && next->type == r[i].type &&
            next->attributes == r[i].attributes) {
            next->address = r[i].address;
            next->size += r[i].size;
        } else {
            fn(l, &r[i]);
        }
    }
}

bool look_memory(struct efi_look *l, void (*fn)(struct efi_look *l, const struct look_range *r))
{
    const uint64_t head = look_list(l, "mmap");
    struct look_range *list = NULL;
    size_t n = 0;
    for (uint64_t at = head; head && n < HANDLES_MOST && (at = look_next(l, head, at));) {
        const uint64_t node = at - NODE_LINK * l->eg.word;
        if (!has_signature(l, node, "mmap")) {
            text_add(l->out, "(0x%" PRIx64 " is not a range of memory: not read further)\n", node);
            break;
        }
        MEM_MORE(list, n);
        read_range(l, node, &list[n++]);
    }
    if (n)
        join_ranges(l, list, n, fn);
    free(list);
    return head;
}

static void show_range(struct efi_look *l, const struct look_range *r)
{
    const char *name = efi_memory_name(r->type);
    if (l->json) {
        look_json_open(l);
        look_json_hex(l, "address", r->address);
        look_json_number(l, "pages", r->size >> 12);
        look_json_number(l, "type", r->type);
        look_json_text(l, "name", name);
        look_json_hex(l, "attributes", r->attributes);
        look_json_close(l);
        return;
    }
    text_add(l->out, "%010" PRIx64 "-%010" PRIx64 "  %8" PRIu64 " pages  attributes 0x%016" PRIx64 "  ",
             r->address, r->address + r->size - 1, r->size >> 12, r->attributes);
    if (name)
        text_add(l->out, "%s\n", name);
    else
        text_add(l->out, "type 0x%" PRIx32 "\n", r->type);
}

int look_at_map(struct efi_look *l, struct error *err)
{
    if (!look_memory(l, show_range))
        return error_set(err, "map: the DXE core has no memory map in EDK II's form at this position%s",
                         l->dxe ? "" : ": it does not run yet: give a later one (--at stage:bios.bds)");
    return 0;
}
