/* impl.h - what the files of this folder share. Private to them. See efi.h.
 *
 *   efi.c       life, events, the steps from one phase to the next
 *   volume.c    firmware volumes and images, from bytes (volume.h)
 *   access.c    memory, arguments of calls
 *   leave.c     how SEC and the PEI core get to modules that were copied or decompressed
 *   module.c    volumes in memory, modules, their starts and returns
 *   smm.c       modules of system management mode
 *   symbols.c   the names of modules' addresses, and their call frames
 *   tables.c    HOBs, the firmware's tables, the debug image table, the memory map
 *   service.c   services: probes, calls, returns
 *   bds.c       the parts of boot device selection
 *   text.c      arguments, device paths, statuses and types in words
 *   guids.c     names of GUIDs
 *   look.h      the firmware at a position of a trace: look.c, handles.c, variables.c
 *
 * Firmware runs with paging off or with every address mapped to itself, so its code and data are at physical addresses.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_IMPL_H
#define BOOTREEL_CORE_SYSTEMS_EFI_IMPL_H

#include <string.h>

#include "core/systems/efi/efi.h"
#include "core/systems/efi/private/volume.h"
#include "core/story/base.h"

enum {
    EFI_MODULES = 2048,
    EFI_KNOWN = 8192,
    EFI_PROBED = 64,
    EFI_DATA = 1024,
    EFI_MAP = 64 << 10,
    EFI_HOBS = 4096,
    EFI_LOOKED = 64
};

enum efi_state {
    EFI_NONE,    /* no firmware volume was seen */
    EFI_VOLUMES, /* there are volumes in the ROM */
    EFI_SEC,
    EFI_PEI,
    EFI_DXE,
    EFI_BDS,
    EFI_RUNTIME, /* boot services have ended */
};

/* A file of a volume: what its GUID is called. */
struct efi_known {
    struct efi_guid guid;
    uint8_t type;
    char name[EFI_NAME];
    uint64_t size,
        entry; /* of its image; the entry relative to its base. 0 if it has none that can be read */
};

/* An executable in memory. */
struct efi_module {
    struct efi_guest *eg;
    char name[EFI_NAME];
    char file[EFI_NAME]; /* of a boot manager, which has its own name: its file's; else "" */
    uint8_t type;        /* enum efi_type */
    uint64_t base, size, entry;
    uint64_t handle;                  /* of an image that was loaded; else 0 */
    uint64_t protocol;                /* of a module of SMM: its EFI_LOADED_IMAGE_PROTOCOL; else 0 */
    const struct symbol_table *table; /* NULL: its symbol is not mapped (any more) */
    struct hook *hook;
};

/* A service that is probed: its number (enum efi_service) and function. */
struct efi_probed {
    struct efi_guest *eg;
    const struct efi_row *row;
    uint64_t address;
    struct hook *hook;
};

enum efi_part_kind { EFI_PART_NONE, EFI_PART_CONNECT, EFI_PART_OPTION };

/* A part of boot device selection (bds.c). */
struct efi_part {
    enum efi_part_kind kind;
    uint64_t caller; /* where the call that it is returns to */
    char name[EFI_DATA];
};

struct efi_guest {
    struct guest_base base;
    enum efi_state state;
    /* what was found */
    /* base.hooks: all probes until ExitBootServices, then those of runtime services */
    struct hooks *leaving; /* where SEC and the PEI core may leave their images */
    uint64_t tried[64];    /* addresses that they left to, where nothing was found */
    unsigned ntried;
    struct efi_module **modules; /* each allocated for itself: probes refer to them */
    size_t nmodules;
    struct efi_known *known;
    size_t nknown;
    struct efi_probed **probed;
    size_t nprobed;
    struct calls *calls; /* of services, in progress */
    unsigned next_call;
    uint64_t memory, memory_size; /* as PEI found it */
    uint64_t hobs;
    uint64_t looked[EFI_LOOKED]; /* addresses of volumes in memory that were read */
    size_t nlooked;
    uint64_t boot_services, runtime_services, system_table;
    unsigned word;  /* bytes of a pointer in DXE */
    unsigned depth; /* applications that run in one another */
    bool bds;
    uint64_t bds_entry;
    struct efi_part part; /* of boot device selection: it is in this one */
    unsigned searches;    /* for the system table */
    bool complete;        /* the system table's checksum is right */
    uint8_t *map;         /* the last memory map that was asked for */
    size_t map_size, map_each;
    unsigned strangers; /* calls of services by code that is in no image that could be found */
    bool full;          /* a limit was reached, and that was said */
    char vendor[EFI_NAME];
};

GUEST_ACCESS(efi, struct efi_guest);

/* ---------------------------------------------------------------- access.c */

bool efi_read_physical(const struct efi_guest *eg, uint64_t address, void *buf, size_t n);
/* A number of 1 to 8 bytes; 0 if it cannot be read. */
uint64_t efi_number(const struct efi_guest *eg, uint64_t address, unsigned bytes);
/* The width of pointers in the code that runs: 8 or 4. */
unsigned efi_pointer_bytes(const struct efi_guest *eg);
/* Slot i of the arguments of the function that was just entered, by the calling conventions of UEFI (2.3.2, 2.3.4). */
uint64_t efi_argument(const struct efi_guest *eg, unsigned i);
/* A UCS-2 string, as ASCII; other characters are '?'. */
void efi_ucs2(const struct efi_guest *eg, uint64_t address, char *buf, size_t size);

/* ---------------------------------------------------------------- efi.c */

/* Adds a note: what is not reported and why, or what else is to be known. */
__attribute__((format(printf, 2, 3))) void efi_note(struct efi_guest *eg, const char *format, ...);
/* A limit on what is kept was reached: said once. */
void efi_say_full(struct efi_guest *eg, const char *what);
/* A module of one of the early phases was entered. */
void efi_entered(struct efi_guest *eg, struct efi_module *m);
/* PEI ends: the DXE core is loaded. */
void efi_end_of_pei(struct efi_guest *eg);
/* PEI has another firmware volume: looks at it, if that has not been done. */
void efi_volume_added(struct efi_guest *eg, uint64_t address, uint64_t size);
/* The address of the boot device selection's function is known: probes it. */
void efi_probe_bds(struct efi_guest *eg, uint64_t address);
/* The boot device selection is entered, or goes on. */
void efi_enter_bds(struct efi_guest *eg);
/* ExitBootServices was successful. */
void efi_end_of_boot(struct efi_guest *eg);

/* ---------------------------------------------------------------- module.c */

/* Reads the volumes in a range of memory: reports them, and probes the modules that are executed where they
 * are. Returns how many there are. */
unsigned efi_look_at(struct efi_guest *eg, uint64_t address, uint64_t size);
/* Reads the volume that contains the address, as efi_look_at. False if there is none. */
bool efi_look_around(struct efi_guest *eg, uint64_t address);
const struct efi_known *efi_known_file(const struct efi_guest *eg, const struct efi_guid *guid);
struct efi_module *efi_module_at(const struct efi_guest *eg, uint64_t address);
struct efi_module *efi_module_of(const struct efi_guest *eg, uint64_t handle);
/* Adds a module, a copy of `like`, with its symbol; NULL if there are too many. */
struct efi_module *efi_module_add(struct efi_guest *eg, const struct efi_module *like);
/* Probes its entry. */
void efi_module_probe(struct efi_module *m);
/* An image was loaded or starts: finds out what it is. NULL if that cannot be known. */
struct efi_module *efi_module_loaded(struct efi_guest *eg, uint64_t handle, bool loaded);

/* ---------------------------------------------------------------- manager.c */

/* Whether the loaded image is a boot manager that is known; its name, and its version, which may be "". Cost: the image is read and
 * searched, a millisecond. */
bool efi_boot_manager(const struct efi_guest *eg, uint64_t base, uint64_t size, char name[EFI_NAME],
                      char version[EFI_NAME]);
void efi_module_gone(struct efi_guest *eg, struct efi_module *m);
/* The name of the module that contains the address; "" if none does. */
const char *efi_module_name(const struct efi_guest *eg, uint64_t address);
/* The name of an executable by its debug information; "" if it has none. */
void efi_debug_name(const struct efi_guest *eg, uint64_t base, const struct efi_image *im,
                    char name[EFI_NAME]);

/* ---------------------------------------------------------------- smm.c */

/* EFI_LOADED_IMAGE_PROTOCOL was installed: if it is that of a module of SMM, adds it. */
void efi_smm_installed(struct efi_guest *eg, uint64_t protocol);
/* … and was removed: the module is unloaded. */
void efi_smm_removed(struct efi_guest *eg, uint64_t protocol);
/* Whether a file of this type (enum efi_type) is loaded into the memory of SMM. */
bool efi_type_is_smm(unsigned type);

/* ---------------------------------------------------------------- direct.c */

/* A service was called by the code at `caller`: the name of its module, or "". A program that another one has started without the
 * firmware's help is found here, at the first service that it calls, and reported as started. */
const char *efi_module_calls(struct efi_guest *eg, uint64_t caller);

/* ---------------------------------------------------------------- symbols.c */

/* From now on a module's addresses have names. */
void efi_map_symbols(struct efi_module *m);
void efi_unmap_symbols(struct efi_module *m);
void efi_modules_unmap(struct efi_guest *eg);

/* ---------------------------------------------------------------- leave.c */

/* Probes the places where a module may go to one that is not known yet. */
void efi_probe_leaving(struct efi_guest *eg, const struct efi_module *m);

/* ---------------------------------------------------------------- tables.c */

/* The HOB list that PEI has made; 0 if it is not found. */
uint64_t efi_find_hobs(struct efi_guest *eg);
/* Calls fn for each HOB until it returns false. Where the list is damaged, it ends, with a note. */
void efi_each_hob(struct efi_guest *eg,
                  bool (*fn)(struct efi_guest *eg, uint64_t hob, unsigned type, unsigned size));
void efi_report_hobs(struct efi_guest *eg);
/* Adds the DXE core as a module, from its HOB, and probes its entry. */
void efi_find_dxe_core(struct efi_guest *eg);
/* The address of a table with that signature in a range, whose header makes sense; 0 if there is none. */
uint64_t efi_find_table(const struct efi_guest *eg, const char *signature, unsigned word, uint64_t address,
                        uint64_t size);
/* Looks for the system table, if it is not known. */
void efi_find_system_table(struct efi_guest *eg);
/* The address of the system table's vendor string. */
uint64_t efi_system_vendor(const struct efi_guest *eg);
/* The i-th configuration table of the system table. False beyond the last. */
bool efi_configuration(const struct efi_guest *eg, unsigned i, struct efi_guid *guid, uint64_t *table);
/* Calls fn with each image of the debug image table, its handle and loaded image protocol, until it returns
 * false. False if there is no such table. */
bool efi_each_loaded(const struct efi_guest *eg, bool (*fn)(void *ctx, uint64_t handle, uint64_t protocol),
                     void *ctx);
/* The loaded image protocol of a handle, from the debug image table; 0 if there is none. */
uint64_t efi_loaded_image(struct efi_guest *eg, uint64_t handle);
/* efi_take_map keeps the memory map that GetMemoryMap has returned; efi_report_map reports it. */
void efi_take_map(struct efi_guest *eg, uint64_t map, uint64_t size, uint64_t each);
void efi_report_map(struct efi_guest *eg);

/* ---------------------------------------------------------------- service.c */

enum efi_table { EFI_TABLE_PEI = 0x100, EFI_TABLE_BOOT = 0x200, EFI_TABLE_RUNTIME = 0x300 };

/* Kinds of arguments, each a slot of its own. */
enum efi_arg {
    EFI_ARG_END,
    EFI_ARG_SKIP, /* not shown */
    EFI_ARG_HEX,  /* the same in every boot */
    EFI_ARG_COUNT,
    EFI_ARG_BOOL,
    EFI_ARG_GUID,
    EFI_ARG_STRING,
    EFI_ARG_PATH,   /* a device path */
    EFI_ARG_MEMORY, /* a type of memory */
    EFI_ARG_ALLOCATE,
    EFI_ARG_STATUS,
    EFI_ARG_RESET,
    EFI_ARG_HANDLE, /* of an image: its name */
    EFI_ARG_PPI,    /* a list of PPI descriptors */
    EFI_ARG_LIST,   /* pairs of GUID and interface, from here on */
    EFI_ARG_WIDE,   /* a number of 64 bits, not shown: two slots of 32-bit code */
    EFI_ARG_OUT,    /* a pointer to a result of a word */
    EFI_ARG_OUT64,  /* … of 64 bits */
};

struct efi_row {
    unsigned number; /* enum efi_table + index */
    const char *name;
    bool nests; /* other things happen in it: its call is reported too */
    struct {
        const char *name;
        enum efi_arg kind;
    } arg[6];
};

const struct efi_row *efi_row(unsigned number);
/* Probes all services that the table at `address` has and that are not probed at their addresses yet. */
void efi_probe_table(struct efi_guest *eg, enum efi_table table, uint64_t address, unsigned word);
/* Probes the runtime services again, in hooks that were just made. */
void efi_keep_runtime(struct efi_guest *eg);

/* ---------------------------------------------------------------- text.c, guids.c */

__attribute__((format(printf, 3, 4))) void efi_put(char *text, size_t size, const char *format, ...);
/* The name of a GUID, of a file of a volume, or its digits. */
void efi_guid_text(const struct efi_guest *eg, const struct efi_guid *guid, char *buf, size_t size);
/* The name that a specification gives to a GUID, or NULL. */
const char *efi_guid_name(const struct efi_guid *guid);
/* Adds its 36 characters. */
void efi_guid_digits(const struct efi_guid *guid, char *buf, size_t size);
/* Adds its name, or its 36 characters. */
void efi_guid_words(const struct efi_guid *guid, char *buf, size_t size);
bool efi_guid_is(const struct efi_guid *guid, const char *name);
void efi_path_text(const struct efi_guest *eg, uint64_t path, char *buf, size_t size);
/* A service with its arguments, at its entry. */
void efi_call_text(const struct efi_guest *eg, const struct efi_row *row, char *buf, size_t size);
const char *efi_status_name(uint64_t status);
const char *efi_memory_name(uint64_t type);
const char *efi_type_name(uint64_t type);
const char *efi_value_word(unsigned kind, unsigned field, uint64_t value);
bool efi_explain(const struct event *ev, struct text *out);

/* ---------------------------------------------------------------- bds.c */

/* A service was called, or has returned, from the code at `caller`: parts of boot device selection begin and
 * end with calls that BDS makes. */
void efi_bds_calls(struct efi_guest *eg, unsigned service, uint64_t caller);
void efi_bds_returns(struct efi_guest *eg, unsigned service, uint64_t caller, uint64_t status);
/* An application starts: a part that is open has ended. */
void efi_bds_starts(struct efi_guest *eg);

#endif
