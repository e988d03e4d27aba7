/* bds.c - the parts of boot device selection: what it connects, what it tries to boot. See impl.h.
 *
 * BDS is one call that lasts until the machine is given to a boot loader. Its parts are told by the services that it calls itself:
 * ConnectController (drivers start on a device), and a boot option, from setting the variable BootCurrent (UEFI specification, 3.1.1: it is
 * set before a boot option is attempted) until the option's image starts, cannot be loaded, or another option is set. Parts do not nest: what an
 * option connects is the option's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/byte_order.h"
#include "core/systems/efi/private/impl.h"
#include "core/systems/efi/private/path.h"

/* EFI_ABORTED: an option that another follows, though no image of it was started. */
#define EFI_GIVEN_UP 0x8000000000000015

enum {
    SET_VARIABLE = EFI_TABLE_RUNTIME + 8,
    LOAD_IMAGE = EFI_TABLE_BOOT + 22,
    CONNECT = EFI_TABLE_BOOT + 30
};

static bool has_signature(const struct efi_guest *eg, uint64_t node, const char signature[4])
{
    char is[4];
    return efi_read(eg, node, is, sizeof is) && !memcmp(is, signature, sizeof is);
}

/* A device path in memory, whose length is not known: nodes (type, subtype, 16 bits of length) up to the end of the whole path. */
static void path_at(const struct efi_guest *eg, uint64_t address, char *buf, size_t size)
{
    enum { MOST = 1024, NODE = 4, END = 0x7f, WHOLE = 0xff };
    uint8_t bytes[MOST];
    size_t n = 0, length = NODE;
    for (bool end = false; !end && length >= NODE && n + length <= MOST; n += length) {
        if (!efi_read(eg, address + n, bytes + n, NODE))
            return;
        length = le16(bytes + n + 2);
        end = bytes[n] == END && bytes[n + 1] == WHOLE;
        if (length > MOST - n || !efi_read(eg, address + n, bytes + n, length))
            return;
    }
    struct text out = {0};
    efi_device_path(eg, bytes, n, &out);
    snprintf(buf, size, "%s", out.s ? out.s : "");
    free(out.s);
}

/* The device path of a handle, from the DXE core's nodes in EDK II's form (MdeModulePkg/Core/Dxe: IHANDLE, PROTOCOL_INTERFACE,
 * PROTOCOL_ENTRY; members in words). "" if there is none, or they have another form. */
static void handle_path(const struct efi_guest *eg, uint64_t handle, char *buf, size_t size)
{
    enum { MOST = 64, LINK = 1, PROTOCOLS = 3, ENTRY = 6, POINTER = 7, GUID = 3 };
    const unsigned word = eg->word;
    const uint64_t head = handle + PROTOCOLS * word;
    uint64_t at = efi_number(eg, head, word);
    buf[0] = 0;
    if (!has_signature(eg, handle, "hndl"))
        return;
    for (unsigned i = 0; i < MOST && at && at != head; i++, at = efi_number(eg, at, word)) {
        const uint64_t node = at - LINK * word, entry = efi_number(eg, node + ENTRY * word, word);
        struct efi_guid guid;
        if (!has_signature(eg, node, "pifc") || !efi_read(eg, entry + GUID * word, guid.b, sizeof guid.b))
            return;
        if (efi_guid_is(&guid, "EFI_DEVICE_PATH_PROTOCOL")) {
            path_at(eg, efi_number(eg, node + POINTER * word, word), buf, size);
            return;
        }
    }
}

static bool is_bds(const struct efi_guest *eg, uint64_t caller)
{
    const struct efi_module *m = efi_module_at(eg, caller);
    return eg->state == EFI_BDS && !eg->depth && m && m == efi_module_at(eg, eg->bds_entry);
}

static void end_part(struct efi_guest *eg, uint64_t status)
{
    if (eg->part.kind)
        GUEST_EMIT(eg, EV_EFI_PART_DONE, eg->part.name, status);
    eg->part.kind = EFI_PART_NONE;
}

static void begin_part(struct efi_guest *eg, enum efi_part_kind kind, uint64_t caller)
{
    eg->part.kind = kind;
    eg->part.caller = caller;
    efi_emit(eg, EV_EFI_PART, eg->part.name, NULL, 0);
}

/* The 16 bits of BootCurrent are an option's number. */
static void option_set(struct efi_guest *eg)
{
    char name[32] = "";
    efi_ucs2(eg, efi_argument(eg, 0), name, sizeof name);
    if (strcmp(name, "BootCurrent") || efi_argument(eg, 3) != 2)
        return;
    end_part(eg, EFI_GIVEN_UP);
    snprintf(eg->part.name, sizeof eg->part.name, "Boot%04X",
             (unsigned)efi_number(eg, efi_argument(eg, 4), 2));
    begin_part(eg, EFI_PART_OPTION, 0);
}

void efi_bds_calls(struct efi_guest *eg, unsigned service, uint64_t caller)
{
    if (!is_bds(eg, caller))
        return;
    if (service == SET_VARIABLE)
        option_set(eg);
    if (service != CONNECT || eg->part.kind)
        return;
    char path[EFI_DATA - sizeof "connect "];
    handle_path(eg, efi_argument(eg, 0), path, sizeof path);
    snprintf(eg->part.name, sizeof eg->part.name, "connect%s%s", path[0] ? " " : "", path);
    begin_part(eg, EFI_PART_CONNECT, caller);
}

void efi_bds_returns(struct efi_guest *eg, unsigned service, uint64_t caller, uint64_t status)
{
    if (!eg->part.kind || !is_bds(eg, caller))
        return;
    if (service == CONNECT && eg->part.kind == EFI_PART_CONNECT && eg->part.caller == caller)
        end_part(eg, status);
    if (service == LOAD_IMAGE && eg->part.kind == EFI_PART_OPTION && status)
        end_part(eg, status);
}

void efi_bds_starts(struct efi_guest *eg)
{
    end_part(eg, 0);
}
