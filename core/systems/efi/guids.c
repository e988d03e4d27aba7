/* guids.c - names of GUIDs. See impl.h. */
#include "base/byte_order.h"
#include "core/systems/efi/private/impl.h"

struct row {
    const char *name;
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

static const struct row rows[] = {
#define GUID(name, a, b, c, ...) {#name, a, b, c, {__VA_ARGS__}},
#include "core/systems/efi/guids.def"
#undef GUID
};

static bool is_row(const struct row *r, const struct efi_guid *g)
{
    const uint8_t *b = g->b;
    return r->a == le32(b) && r->b == le16(b + 4) && r->c == le16(b + 6) && !memcmp(r->d, b + 8, 8);
}

const char *efi_guid_name(const struct efi_guid *guid)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (is_row(&rows[i], guid))
            return rows[i].name;
    return NULL;
}

bool efi_guid_is(const struct efi_guid *guid, const char *name)
{
    const char *own = efi_guid_name(guid);
    return own && !strcmp(own, name);
}

void efi_guid_digits(const struct efi_guid *guid, char *buf, size_t size)
{
    const uint8_t *b = guid->b;
    efi_put(buf, size, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", b[3], b[2],
            b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void efi_guid_words(const struct efi_guid *guid, char *buf, size_t size)
{
    const char *name = efi_guid_name(guid);
    if (name)
        efi_put(buf, size, "%s", name);
    else
        efi_guid_digits(guid, buf, size);
}

void efi_guid_text(const struct efi_guest *eg, const struct efi_guid *guid, char *buf, size_t size)
{
    const struct efi_known *k = efi_known_file(eg, guid);
    if (!efi_guid_name(guid) && k && k->name[0])
        efi_put(buf, size, "%s", k->name);
    else
        efi_guid_words(guid, buf, size);
}
