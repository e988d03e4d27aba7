/* look.h - looks at the firmware at a position of a trace (core/systems/efi/firmware.h). Private to this folder.
 *
 *   look.c       where things are, from the trace's events; lists, tables, images
 *   handles.c    the DXE core's lists: handles, protocols, drivers, the memory map
 *   variables.c  variable stores
 *   meaning.c    what variables mean
 *   look_json.c  entries as JSON
 *   needs.c      what an image needs of a machine
 *   flash.c      what an image has in its compressed sections (flash.h)
 *   unpack.c     sections that have to be decoded first
 */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_LOOK_H
#define BOOTREEL_CORE_SYSTEMS_EFI_LOOK_H

#include "core/systems/efi/private/impl.h"
#include "core/systems/efi/firmware.h"

enum {
    LOOK_NODES = 1 << 18, /* the most nodes that are read, of all lists together */
    LOOK_RANGES = 1024,
};

struct look_image {
    uint64_t handle, base, size;
    uint8_t type;
    bool started;
    char name[EFI_NAME];
};

struct look_range {
    uint64_t address, size, attributes;
    uint32_t type; /* EFI_MEMORY_TYPE */
};

struct efi_look {
    struct engine
        engine; /* reads physical memory only: with it, `eg` can be used with the functions of impl.h */
    struct engine_ops ops;
    const struct firmware_memory *memory;
    struct efi_guest eg; /* system table, boot services, known files, the width of pointers */
    struct text *out;
    struct yajl_gen_t *json; /* entries go there as objects; NULL: they are lines of `out` */
    /* from the events since the last reset */
    bool found; /* a firmware volume was seen */
    bool dxe;
    uint64_t dxe_base, dxe_size;
    bool ended; /* boot services have ended, there: */
    uint64_t ended_at;
    struct look_image *images; /* in order of loading; a handle may be there again */
    size_t nimages;
    struct look_range map[LOOK_RANGES]; /* the map with which boot services ended */
    size_t nmap;
    struct look_range *range; /* the map at the position (allocations.c) */
    size_t nranges;
    bool flash; /* variables are in flash, which can be written */
    unsigned nodes;
};

/* ---- JSON (look_json.c): an entry is an object with members; a NULL text is null; arrays are of objects or,
 * without a key, of texts ---- */
void look_json_open(struct efi_look *l);
void look_json_close(struct efi_look *l);
void look_json_text(struct efi_look *l, const char *key, const char *text);
void look_json_number(struct efi_look *l, const char *key, uint64_t n);
void look_json_hex(struct efi_look *l, const char *key, uint64_t n);
void look_json_begin(struct efi_look *l, const char *key);
void look_json_end(struct efi_look *l);

/* The last image of that handle, or NULL. */
const struct look_image *look_image(const struct efi_look *l, uint64_t handle);
/* Its name; "" if it is not known. */
const char *look_image_name(const struct efi_look *l, uint64_t handle);
/* Whether one more node may be read; once it may not, that is said in the list. */
bool look_may(struct efi_look *l);
/* The head of the DXE core's list whose nodes have that signature in front of their links; 0 if there is
 * none. */
uint64_t look_list(struct efi_look *l, const char signature[4]);
/* The node after `link` in the list of that head; 0 at its end. Where its links do not fit together, the list
 * ends, and a line says so. */
uint64_t look_next(struct efi_look *l, uint64_t head, uint64_t link);
/* Calls fn with each range of the DXE core's memory map, joined where they touch and are alike. False if it
 * is not found. */
bool look_memory(struct efi_look *l, void (*fn)(struct efi_look *l, const struct look_range *r));

int look_at_handles(struct efi_look *l, struct error *err);
int look_at_drivers(struct efi_look *l, struct error *err);
int look_at_map(struct efi_look *l, struct error *err);
int look_at_allocations(struct efi_look *l, struct trace *t, uint64_t icount, struct error *err);
int look_at_variables(struct efi_look *l, struct error *err);

#endif
