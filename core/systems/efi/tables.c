/* tables.c - HOBs, the firmware's tables, the debug image table, the memory map. See impl.h. */
#include <stdlib.h>
#include <zlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/impl.h"

enum { PIECE = 64 << 10 };

/* ---------------------------------------------------------------- HOBs (PI specification, volume 3, chapter 4) */

enum {
    HOB_HANDOFF = 1,
    HOB_MEMORY = 2,
    HOB_RESOURCE = 3,
    HOB_VOLUME = 5,
    HOB_CPU = 6,
    HOB_VOLUME2 = 9,
    HOB_VOLUME3 = 12,
    HOB_END = 0xffff,
    HOB_HEADER = 8,
    HANDOFF_SIZE = 56,
    HANDOFF_VERSION = 9,
    HANDOFF_END = 48,
};

static bool is_handoff(const uint8_t *p)
{
    static const uint8_t begin[] = {HOB_HANDOFF, 0, HANDOFF_SIZE, 0, 0, 0, 0, 0, HANDOFF_VERSION, 0, 0, 0};
    return !memcmp(p, begin, sizeof begin);
}

/* Its list ends where it says. */
static bool has_end(const struct efi_guest *eg, uint64_t hob)
{
    uint64_t end = efi_number(eg, hob + HANDOFF_END, 8);
    return end > hob && efi_number(eg, end, 4) == ((uint32_t)HOB_HEADER << 16 | HOB_END);
}

uint64_t efi_find_hobs(struct efi_guest *eg)
{
    uint8_t *bytes = mem_alloc(PIECE);
    uint64_t found = 0;
    for (uint64_t at = 0; at < eg->memory_size && !found; at += PIECE) {
        uint64_t n = eg->memory_size - at < PIECE ? eg->memory_size - at : PIECE;
        efi_read_physical(eg, eg->memory + at, bytes, n);
        for (uint64_t i = 0; i + 12 <= n && !found; i += 8)
            if (is_handoff(bytes + i) && has_end(eg, eg->memory + at + i))
                found = eg->memory + at + i;
    }
    free(bytes);
    return found;
}

void efi_each_hob(struct efi_guest *eg,
                  bool (*fn)(struct efi_guest *eg, uint64_t hob, unsigned type, unsigned size))
{
    uint64_t hob = eg->hobs;
    for (unsigned i = 0; i < EFI_HOBS; i++) {
        unsigned type = (unsigned)efi_number(eg, hob, 2), size = (unsigned)efi_number(eg, hob + 2, 2);
        if (size < HOB_HEADER) {
            efi_note(eg, "the HOB at 0x%llx has a length of %u: the list is not read further",
                     (unsigned long long)hob, size);
            return;
        }
        if (!fn(eg, hob, type, size) || type == HOB_END)
            return;
        hob += size;
    }
    efi_note(eg, "there are more than %u HOBs: the list is not read further", EFI_HOBS);
}

/* EFI_HOB_MEMORY_ALLOCATION_MODULE: after the memory's description the file's name and the entry. */
enum {
    ALLOCATION_NAME = 8,
    ALLOCATION_BASE = 24,
    ALLOCATION_SIZE = 32,
    MODULE_NAME = 48,
    MODULE_ENTRY = 64,
    MODULE_SIZE = 72
};

static bool hob_guid(const struct efi_guest *eg, uint64_t at, struct efi_guid *guid)
{
    return efi_read(eg, at, guid->b, sizeof guid->b);
}

static bool is_module(const struct efi_guest *eg, uint64_t hob, unsigned type, unsigned size)
{
    struct efi_guid name;
    return type == HOB_MEMORY && size >= MODULE_SIZE && hob_guid(eg, hob + ALLOCATION_NAME, &name) &&
           efi_guid_is(&name, "EFI_HOB_MEMORY_ALLOC_MODULE");
}

/* The volumes that PEI passes on: their files are known from then on. */
static bool look_at_volume(struct efi_guest *eg, uint64_t hob, unsigned type, unsigned size)
{
    if (type == HOB_VOLUME && size >= 24)
        efi_volume_added(eg, efi_number(eg, hob + 8, 8), efi_number(eg, hob + 16, 8));
    return true;
}

static bool report_hob(struct efi_guest *eg, uint64_t hob, unsigned type, unsigned size)
{
    static const char *const resources[] = {"system memory",   "memory-mapped I/O",   "I/O ports",
                                            "firmware device", "memory-mapped ports", "reserved memory",
                                            "reserved I/O",    "unaccepted memory"};
    char text[EFI_NAME] = "";
    struct efi_guid guid;
    if (type == HOB_RESOURCE && size >= 48) {
        uint64_t kind = efi_number(eg, hob + 24, 4);
        efi_put(text, sizeof text, "%s", kind < 8 ? resources[kind] : "resource of another kind");
        GUEST_EMIT(eg, EV_EFI_HOB, text, type, efi_number(eg, hob + 32, 8), efi_number(eg, hob + 40, 8));
    } else if (is_module(eg, hob, type, size) && hob_guid(eg, hob + MODULE_NAME, &guid)) {
        efi_put(text, sizeof text, "module ");
        efi_guid_text(eg, &guid, text, sizeof text);
        GUEST_EMIT(eg, EV_EFI_HOB, text, type, efi_number(eg, hob + ALLOCATION_BASE, 8),
                   efi_number(eg, hob + ALLOCATION_SIZE, 8));
    } else if (type == HOB_VOLUME && size >= 24) {
        GUEST_EMIT(eg, EV_EFI_HOB, "firmware volume", type, efi_number(eg, hob + 8, 8),
                   efi_number(eg, hob + 16, 8));
    } else if (type == HOB_CPU && size >= 10) {
        efi_put(text, sizeof text, "processor with %u address bits", (unsigned)efi_number(eg, hob + 8, 1));
        GUEST_EMIT(eg, EV_EFI_HOB, text, type, 0, 0);
    }
    return true;
}

void efi_report_hobs(struct efi_guest *eg)
{
    efi_each_hob(eg, look_at_volume);
    efi_each_hob(eg, report_hob);
}

static bool take_dxe_core(struct efi_guest *eg, uint64_t hob, unsigned type, unsigned size)
{
    struct efi_guid guid;
    if (!is_module(eg, hob, type, size) || !hob_guid(eg, hob + MODULE_NAME, &guid))
        return true;
    const struct efi_known *k = efi_known_file(eg, &guid);
    if (k && k->type != EFI_TYPE_DXE_CORE)
        return true;
    struct efi_module m = {.type = EFI_TYPE_DXE_CORE,
                           .base = efi_number(eg, hob + ALLOCATION_BASE, 8),
                           .size = efi_number(eg, hob + ALLOCATION_SIZE, 8),
                           .entry = efi_number(eg, hob + MODULE_ENTRY, 8)};
    if (k)
        memcpy(m.name, k->name, sizeof m.name);
    else
        efi_guid_text(eg, &guid, m.name, sizeof m.name);
    struct efi_module *own = m.entry - m.base < m.size ? efi_module_add(eg, &m) : NULL;
    if (own)
        efi_module_probe(own);
    return !own;
}

void efi_find_dxe_core(struct efi_guest *eg)
{
    efi_each_hob(eg, take_dxe_core);
}

/* ---------------------------------------------------------------- tables with EFI_TABLE_HEADER */

enum { TABLE_HEADER = 24, TABLE_SIZE = 12, TABLE_RESERVED = 20 };

/* Its size is one that a table can have, and its reserved field is 0. */
static bool is_table(const uint8_t *p, const char *signature, unsigned word)
{
    uint32_t size, reserved;
    memcpy(&size, p + TABLE_SIZE, sizeof size);
    memcpy(&reserved, p + TABLE_RESERVED, sizeof reserved);
    return !memcmp(p, signature, 8) && size >= TABLE_HEADER + 8 * word && size <= 4096 && !reserved;
}

uint64_t efi_find_table(const struct efi_guest *eg, const char *signature, unsigned word, uint64_t address,
                        uint64_t size)
{
    enum { OVERLAP = 64 };
    uint8_t *bytes = mem_alloc(PIECE + OVERLAP);
    uint64_t found = 0;
    for (uint64_t at = 0; at < size && !found; at += PIECE) {
        uint64_t n = size - at < PIECE + OVERLAP ? size - at : PIECE + OVERLAP;
        efi_read_physical(eg, address + at, bytes, n);
        for (uint64_t i = 0; i + OVERLAP <= n && !found;
             i += 4) /* images in a volume are at multiples of 4 */
            if (is_table(bytes + i, signature, word))
                found = address + at + i;
    }
    free(bytes);
    return found;
}

/* ---------------------------------------------------------------- the system table (UEFI specification, 4.3) */

/* Offsets; their second column is for 32-bit firmware. */
enum system_member { ST_VENDOR, ST_REVISION, ST_RUNTIME, ST_BOOT, ST_COUNT, ST_TABLES, ST_SIZE };
static const uint8_t system_offsets[][2] = {
    [ST_VENDOR] = {24, 24}, [ST_REVISION] = {32, 28}, [ST_RUNTIME] = {88, 56}, [ST_BOOT] = {96, 60},
    [ST_COUNT] = {104, 64}, [ST_TABLES] = {112, 68},  [ST_SIZE] = {120, 72},
};

static uint64_t member(const struct efi_guest *eg, uint64_t table, enum system_member m)
{
    return efi_number(eg, table + system_offsets[m][eg->word == 4], m == ST_REVISION ? 4 : eg->word);
}

/* The CRC-32 of the table with its own field as 0 (UEFI specification, 4.2, EFI_TABLE_HEADER). */
static bool crc_is_right(const struct efi_guest *eg, uint64_t table)
{
    uint8_t bytes[256];
    uint32_t own;
    size_t n = efi_number(eg, table + TABLE_SIZE, 4);
    if (n > sizeof bytes || n < TABLE_HEADER || !efi_read(eg, table, bytes, n))
        return false;
    memcpy(&own, bytes + 16, 4);
    memset(bytes + 16, 0, sizeof own);
    return crc32(0, bytes, (uInt)n) == own;
}

/* The DXE core's own image has one to copy from. */
static bool is_system_table(const struct efi_guest *eg, uint64_t table)
{
    return member(eg, table, ST_BOOT) == eg->boot_services && !efi_module_at(eg, table);
}

static void report_system_table(struct efi_guest *eg)
{
    uint64_t table = eg->system_table, revision = efi_number(eg, table + 8, 4);
    unsigned minor = (unsigned)(revision & 0xffff);
    char text[EFI_NAME + 40] = "";
    eg->complete = crc_is_right(eg, table);
    efi_ucs2(eg, member(eg, table, ST_VENDOR), eg->vendor, sizeof eg->vendor);
    efi_put(text, sizeof text, "UEFI %u.%u", (unsigned)(revision >> 16), minor / 10);
    if (minor % 10)
        efi_put(text, sizeof text, ".%u", minor % 10);
    if (eg->vendor[0])
        efi_put(text, sizeof text, " by %s", eg->vendor);
    GUEST_EMIT(eg, EV_EFI_SYSTEM_TABLE, text, table, eg->boot_services, member(eg, table, ST_RUNTIME),
               member(eg, table, ST_REVISION), eg->complete);
}

/* It is looked for from the end of memory, since firmware allocates from there. */
void efi_find_system_table(struct efi_guest *eg)
{
    enum { PART = 1 << 20, SEARCHES = 8 };
    uint64_t end = eg->memory + eg->memory_size, at = end > PART ? (end - 1) & ~(uint64_t)(PART - 1) : 0;
    bool look = !eg->system_table && eg->boot_services && end && eg->searches++ < SEARCHES;
    for (; look && !eg->system_table; at -= PART) {
        for (uint64_t from = at; from < at + PART && !eg->system_table;) {
            uint64_t table = efi_find_table(eg, "IBI SYST", eg->word, from, at + PART - from);
            if (!table)
                break;
            if (is_system_table(eg, table)) {
                eg->system_table = table;
                report_system_table(eg);
            }
            from = table + 8;
        }
        if (at < PART || at <= eg->memory)
            break;
    }
    if (eg->system_table) {
        if (!eg->complete && crc_is_right(eg, eg->system_table))
            report_system_table(eg);
        eg->runtime_services = member(eg, eg->system_table, ST_RUNTIME);
        efi_probe_table(eg, EFI_TABLE_RUNTIME, eg->runtime_services, eg->word);
    }
}

/* ---------------------------------------------------------------- the debug image table (UEFI specification, 18.4) */

uint64_t efi_system_vendor(const struct efi_guest *eg)
{
    return member(eg, eg->system_table, ST_VENDOR);
}

bool efi_configuration(const struct efi_guest *eg, unsigned i, struct efi_guid *guid, uint64_t *table)
{
    enum { MOST = 256 };
    uint64_t at = member(eg, eg->system_table, ST_TABLES) + i * (sizeof guid->b + eg->word);
    if (i >= MOST || i >= member(eg, eg->system_table, ST_COUNT) ||
        !efi_read(eg, at, guid->b, sizeof guid->b))
        return false;
    *table = efi_number(eg, at + sizeof guid->b, eg->word);
    return true;
}

static uint64_t configuration_table(const struct efi_guest *eg, const char *name)
{
    struct efi_guid guid;
    uint64_t table;
    for (unsigned i = 0; efi_configuration(eg, i, &guid, &table); i++)
        if (efi_guid_is(&guid, name))
            return table;
    return 0;
}

bool efi_each_loaded(const struct efi_guest *eg, bool (*fn)(void *ctx, uint64_t handle, uint64_t protocol),
                     void *ctx)
{
    enum { NORMAL = 1 };
    uint64_t header = eg->system_table ? configuration_table(eg, "EFI_DEBUG_IMAGE_INFO_TABLE") : 0;
    uint64_t n = header ? efi_number(eg, header + 4, 4) : 0,
             table = header ? efi_number(eg, header + 8, eg->word) : 0;
    for (uint64_t i = 0; i < n && i < EFI_MODULES; i++) {
        uint64_t info = efi_number(eg, table + i * eg->word, eg->word);
        if (info && efi_number(eg, info, 4) == NORMAL &&
            !fn(ctx, efi_number(eg, info + 2 * eg->word, eg->word),
                efi_number(eg, info + eg->word, eg->word)))
            break;
    }
    return header;
}

struct wanted {
    uint64_t handle, protocol;
};

static bool is_wanted(void *ctx, uint64_t handle, uint64_t protocol)
{
    struct wanted *w = ctx;
    if (handle == w->handle)
        w->protocol = protocol;
    return handle != w->handle;
}

uint64_t efi_loaded_image(struct efi_guest *eg, uint64_t handle)
{
    struct wanted w = {.handle = handle};
    efi_each_loaded(eg, is_wanted, &w);
    return w.protocol;
}

/* ---------------------------------------------------------------- the memory map */

void efi_take_map(struct efi_guest *eg, uint64_t map, uint64_t size, uint64_t each)
{
    enum { DESCRIPTOR = 40 };
    free(eg->map);
    eg->map = NULL;
    eg->map_size = 0;
    if (each < DESCRIPTOR || each > size || size > EFI_MAP)
        return;
    eg->map = mem_alloc(size);
    eg->map_each = each;
    eg->map_size = efi_read(eg, map, eg->map, size) ? size : 0;
}

void efi_report_map(struct efi_guest *eg)
{
    for (size_t at = 0; eg->map_size && at + eg->map_each <= eg->map_size; at += eg->map_each) {
        const uint8_t *p = eg->map + at;
        uint64_t start, pages, attributes;
        uint32_t type;
        memcpy(&type, p, 4);
        memcpy(&start, p + 8, 8);
        memcpy(&pages, p + 24, 8);
        memcpy(&attributes, p + 32, 8);
        const char *name = efi_memory_name(type);
        GUEST_EMIT(eg, EV_EFI_MAP, name ? name : "memory of another type", start, pages, type, attributes);
    }
}
