/* text.c - arguments, device paths, statuses and types in words. See impl.h. */
#include "core/systems/efi/private/impl.h"

void efi_put(char *text, size_t size, const char *format, ...)
{
    size_t n = strlen(text);
    va_list ap;
    va_start(ap, format);
    if (n + 1 < size)
        vsnprintf(text + n, size - n, format, ap);
    va_end(ap);
}

/* ---------------------------------------------------------------- numbers by name */

/* UEFI specification, appendix D. */
static const char *const errors[] = {
    NULL,
    "EFI_LOAD_ERROR",
    "EFI_INVALID_PARAMETER",
    "EFI_UNSUPPORTED",
    "EFI_BAD_BUFFER_SIZE",
    "EFI_BUFFER_TOO_SMALL",
    "EFI_NOT_READY",
    "EFI_DEVICE_ERROR",
    "EFI_WRITE_PROTECTED",
    "EFI_OUT_OF_RESOURCES",
    "EFI_VOLUME_CORRUPTED",
    "EFI_VOLUME_FULL",
    "EFI_NO_MEDIA",
    "EFI_MEDIA_CHANGED",
    "EFI_NOT_FOUND",
    "EFI_ACCESS_DENIED",
    "EFI_NO_RESPONSE",
    "EFI_NO_MAPPING",
    "EFI_TIMEOUT",
    "EFI_NOT_STARTED",
    "EFI_ALREADY_STARTED",
    "EFI_ABORTED",
    "EFI_ICMP_ERROR",
    "EFI_TFTP_ERROR",
    "EFI_PROTOCOL_ERROR",
    "EFI_INCOMPATIBLE_VERSION",
    "EFI_SECURITY_VIOLATION",
    "EFI_CRC_ERROR",
    "EFI_END_OF_MEDIA",
    NULL,
    NULL,
    "EFI_END_OF_FILE",
    "EFI_INVALID_LANGUAGE",
    "EFI_COMPROMISED_DATA",
    "EFI_IP_ADDRESS_CONFLICT",
    "EFI_HTTP_ERROR",
};
static const char *const warnings[] = {
    "EFI_SUCCESS",
    "EFI_WARN_UNKNOWN_GLYPH",
    "EFI_WARN_DELETE_FAILURE",
    "EFI_WARN_WRITE_FAILURE",
    "EFI_WARN_BUFFER_TOO_SMALL",
    "EFI_WARN_STALE_DATA",
    "EFI_WARN_FILE_SYSTEM",
    "EFI_WARN_RESET_REQUIRED",
};
/* EFI_MEMORY_TYPE */
static const char *const memories[] = {
    "EfiReservedMemoryType",
    "EfiLoaderCode",
    "EfiLoaderData",
    "EfiBootServicesCode",
    "EfiBootServicesData",
    "EfiRuntimeServicesCode",
    "EfiRuntimeServicesData",
    "EfiConventionalMemory",
    "EfiUnusableMemory",
    "EfiACPIReclaimMemory",
    "EfiACPIMemoryNVS",
    "EfiMemoryMappedIO",
    "EfiMemoryMappedIOPortSpace",
    "EfiPalCode",
    "EfiPersistentMemory",
    "EfiUnacceptedMemoryType",
};
static const char *const allocations[] = {"AllocateAnyPages", "AllocateMaxAddress", "AllocateAddress"};
static const char *const resets[] = {"EfiResetCold", "EfiResetWarm", "EfiResetShutdown",
                                     "EfiResetPlatformSpecific"};
static const char *const types[] = {
    [EFI_TYPE_SEC] = "SEC",
    [EFI_TYPE_PEI_CORE] = "PEI core",
    [EFI_TYPE_DXE_CORE] = "DXE core",
    [EFI_TYPE_PEIM] = "PEI module",
    [EFI_TYPE_DRIVER] = "driver",
    [EFI_TYPE_PEIM_DRIVER] = "PEI module and driver",
    [EFI_TYPE_APPLICATION] = "application",
    [EFI_TYPE_SMM_DRIVER] = "SMM driver",
    [EFI_TYPE_SMM_AND_DRIVER] = "driver and SMM driver",
    [EFI_TYPE_MM_CORE] = "SMM core",
};
#define NAME_OF(table, i) ((i) < sizeof(table) / sizeof *(table) ? (table)[i] : NULL)

const char *efi_status_name(uint64_t status)
{
    const uint64_t error = (uint64_t)1 << 63;
    return status & error ? NAME_OF(errors, status & ~error) : NAME_OF(warnings, status);
}

const char *efi_memory_name(uint64_t type)
{
    return NAME_OF(memories, type);
}

const char *efi_type_name(uint64_t type)
{
    return NAME_OF(types, type);
}

/* ---------------------------------------------------------------- device paths (UEFI specification, chapter 10) */

enum {
    PATH_HARDWARE = 1,
    PATH_ACPI = 2,
    PATH_MESSAGE = 3,
    PATH_MEDIA = 4,
    PATH_END = 0x7f,
    PATH_NODES = 32,
};

static void media_text(const struct efi_guest *eg, uint64_t node, unsigned sub, unsigned size, char *buf,
                       size_t room)
{
    enum { DISK = 1, CDROM = 2, FILE_PATH = 4, FILE_OF_VOLUME = 6, VOLUME = 7 };
    struct efi_guid guid;
    char path[EFI_DATA];
    if (sub == FILE_PATH) {
        size_t n = (size - 4) / 2 + 1;
        efi_ucs2(eg, node + 4, path, n < sizeof path ? n : sizeof path);
        efi_put(buf, room, "%s", path);
    } else if ((sub == FILE_OF_VOLUME || sub == VOLUME) && efi_read(eg, node + 4, guid.b, sizeof guid.b)) {
        efi_guid_text(eg, &guid, buf, room);
    } else if (sub == DISK || sub == CDROM) {
        efi_put(buf, room, "%s(%u)", sub == DISK ? "HD" : "CDROM", (unsigned)efi_number(eg, node + 4, 4));
    } else {
        efi_put(buf, room, "Media(%u)", sub);
    }
}

static void node_text(const struct efi_guest *eg, uint64_t node, unsigned size, char *buf, size_t room)
{
    enum { PCI = 1, CONTROLLER = 5, MEMORY_MAPPED = 3, ACPI = 1, ATAPI = 1, MAC = 11, SATA = 18 };
    unsigned type = (unsigned)efi_number(eg, node, 1) & 0x7f, sub = (unsigned)efi_number(eg, node + 1, 1);
    unsigned a = (unsigned)efi_number(eg, node + 4, 1), b = (unsigned)efi_number(eg, node + 5, 1);
    if (type == PATH_MEDIA)
        media_text(eg, node, sub, size, buf, room);
    else if (type == PATH_HARDWARE && sub == PCI)
        efi_put(buf, room, "Pci(0x%x,0x%x)", b, a);
    else if (type == PATH_HARDWARE && sub == MEMORY_MAPPED)
        efi_put(buf, room, "MemoryMapped");
    else if (type == PATH_HARDWARE && sub == CONTROLLER)
        efi_put(buf, room, "Ctrl(%u)", a);
    else if (type == PATH_ACPI && sub == ACPI)
        efi_put(buf, room, "Acpi(0x%x,0x%x)", (unsigned)efi_number(eg, node + 4, 4),
                (unsigned)efi_number(eg, node + 8, 4));
    else if (type == PATH_MESSAGE && sub == ATAPI)
        efi_put(buf, room, "Ata(%u,%u)", a, b);
    else if (type == PATH_MESSAGE && sub == SATA)
        efi_put(buf, room, "Sata(%u)", (unsigned)efi_number(eg, node + 4, 2));
    else if (type == PATH_MESSAGE && sub == MAC)
        efi_put(buf, room, "Mac");
    else
        efi_put(buf, room, "Node(%u,%u)", type, sub);
}

void efi_path_text(const struct efi_guest *eg, uint64_t path, char *buf, size_t size)
{
    for (unsigned i = 0; path && i < PATH_NODES; i++) {
        unsigned type = (unsigned)efi_number(eg, path, 1) & 0x7f,
                 length = (unsigned)efi_number(eg, path + 2, 2);
        if (type == PATH_END || length < 4)
            return;
        if (i)
            efi_put(buf, size, "/");
        node_text(eg, path, length, buf, size);
        path += length;
    }
}

/* ---------------------------------------------------------------- arguments */

static void guid_argument(const struct efi_guest *eg, uint64_t address, char *buf, size_t size)
{
    struct efi_guid guid;
    if (address && efi_read(eg, address, guid.b, sizeof guid.b))
        efi_guid_text(eg, &guid, buf, size);
    else
        efi_put(buf, size, "NULL");
}

/* EFI_PEI_PPI_DESCRIPTOR: flags, GUID, PPI. */
static void ppi_argument(const struct efi_guest *eg, uint64_t list, char *buf, size_t size)
{
    enum { MOST = 32 };
    const uint64_t last = 0x80000000u;
    unsigned word = efi_pointer_bytes(eg);
    for (unsigned i = 0; i < MOST; i++, list += 3 * word) {
        if (i)
            efi_put(buf, size, " ");
        guid_argument(eg, efi_number(eg, list + word, word), buf, size);
        if (efi_number(eg, list, word) & last)
            return;
    }
}

static void list_argument(const struct efi_guest *eg, unsigned slot, char *buf, size_t size)
{
    enum { MOST = 32 };
    for (unsigned i = 0; i < MOST; i++, slot += 2) {
        uint64_t guid = efi_argument(eg, slot);
        if (!guid)
            return;
        if (i)
            efi_put(buf, size, " ");
        guid_argument(eg, guid, buf, size);
    }
}

static void name_argument(const char *name, uint64_t value, char *buf, size_t size)
{
    if (name)
        efi_put(buf, size, "%s", name);
    else
        efi_put(buf, size, "0x%llx", (unsigned long long)value);
}

static void argument_text(const struct efi_guest *eg, enum efi_arg kind, unsigned slot, char *buf,
                          size_t size)
{
    uint64_t v = efi_argument(eg, slot);
    char text[256] = "";
    switch (kind) {
    case EFI_ARG_HEX:
        name_argument(NULL, v, buf, size);
        break;
    case EFI_ARG_COUNT:
        efi_put(buf, size, "%llu", (unsigned long long)v);
        break;
    case EFI_ARG_BOOL:
        efi_put(buf, size, "%s", v & 0xff ? "TRUE" : "FALSE");
        break;
    case EFI_ARG_GUID:
        guid_argument(eg, v, buf, size);
        break;
    case EFI_ARG_STRING:
        efi_ucs2(eg, v, text, sizeof text);
        efi_put(buf, size, "\"%s\"", text);
        break;
    case EFI_ARG_PATH:
        efi_path_text(eg, v, buf, size);
        break;
    case EFI_ARG_MEMORY:
        name_argument(efi_memory_name((uint32_t)v), (uint32_t)v, buf, size);
        break;
    case EFI_ARG_ALLOCATE:
        name_argument(NAME_OF(allocations, (uint32_t)v), (uint32_t)v, buf, size);
        break;
    case EFI_ARG_RESET:
        name_argument(NAME_OF(resets, (uint32_t)v), (uint32_t)v, buf, size);
        break;
    case EFI_ARG_STATUS:
        name_argument(efi_status_name(v), v, buf, size);
        break;
    case EFI_ARG_HANDLE:
        efi_put(buf, size, "%s", efi_module_of(eg, v) ? efi_module_of(eg, v)->name : v ? "another" : "NULL");
        break;
    case EFI_ARG_PPI:
        ppi_argument(eg, v, buf, size);
        break;
    case EFI_ARG_LIST:
        list_argument(eg, slot, buf, size);
        break;
    default:
        break;
    }
}

static bool is_shown(enum efi_arg kind)
{
    return kind != EFI_ARG_SKIP && kind != EFI_ARG_WIDE && kind != EFI_ARG_OUT && kind != EFI_ARG_OUT64;
}

void efi_call_text(const struct efi_guest *eg, const struct efi_row *row, char *buf, size_t size)
{
    bool any = false;
    unsigned slot = 0;
    efi_put(buf, size, "%s(", row->name);
    for (unsigned i = 0; i < sizeof row->arg / sizeof row->arg[0] && row->arg[i].kind; i++) {
        enum efi_arg kind = row->arg[i].kind;
        if (is_shown(kind)) {
            efi_put(buf, size, "%s%s ", any ? ", " : "", row->arg[i].name);
            argument_text(eg, kind, slot, buf, size);
            any = true;
        }
        slot += kind == EFI_ARG_WIDE && efi_pointer_bytes(eg) == 4 ? 2 : 1;
    }
    efi_put(buf, size, ")");
}

/* ---------------------------------------------------------------- events in words */

const char *efi_value_word(unsigned kind, unsigned field, uint64_t value)
{
    if ((kind == EV_EFI_START && field == EVF_EFI_START_type) ||
        (kind == EV_EFI_RETURN && field == EVF_EFI_RETURN_type) ||
        (kind == EV_EFI_LOADED && field == EVF_EFI_LOADED_type))
        return efi_type_name(value);
    if ((kind == EV_EFI_RETURN && field == EVF_EFI_RETURN_status) ||
        (kind == EV_EFI_PART_DONE && field == EVF_EFI_PART_DONE_status))
        return efi_status_name(value);
    return NULL;
}

static void explain_module(const char *what, uint64_t type, struct text *out)
{
    const char *name = efi_type_name(type);
    text_add(out, "%s: %s", name ? name : "module", what);
}

bool efi_explain(const struct event *ev, struct text *out)
{
    const char *status;
    switch (ev->kind) {
    case EV_EFI_START:
        explain_module("its entry point is reached", EVF(ev, EFI_START, type), out);
        return true;
    case EV_EFI_LOADED:
        explain_module("its image is in memory, and relocated", EVF(ev, EFI_LOADED, type), out);
        return true;
    case EV_EFI_RETURN:
        status = efi_status_name(EVF(ev, EFI_RETURN, status));
        explain_module(status ? status : "a status that the specification does not name",
                       EVF(ev, EFI_RETURN, type), out);
        return true;
    case EV_EFI_SERVICE:
        text_add(out, "%s, after %llu ns",
                 EVF(ev, EFI_SERVICE, service) < EFI_TABLE_BOOT      ? "PEI service"
                 : EVF(ev, EFI_SERVICE, service) < EFI_TABLE_RUNTIME ? "boot service"
                                                                     : "runtime service",
                 (unsigned long long)EVF(ev, EFI_SERVICE, duration));
        return true;
    default:
        return false;
    }
}
