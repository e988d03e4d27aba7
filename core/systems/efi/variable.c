/* variable.c - see variable.h. */
#include "core/systems/efi/variable.h"

#include <string.h>

#include "base/byte_order.h"

enum { START = 0x55aa, STATE = 2, ATTRIBUTES = 4, ALIGNMENT = 4 };

/* The members of the header that depend on the form; the data's size and the GUID follow the name's size. */
static const struct {
    uint8_t name_size, header;
} forms[VARIABLE_FORMS] = {[VARIABLE_PLAIN] = {8, 32}, [VARIABLE_AUTHENTICATED] = {36, 60}};

size_t variable_read(enum variable_form form, const uint8_t *p, size_t n, struct variable *v)
{
    const unsigned header = forms[form].header, sizes = forms[form].name_size;
    if (n < header || le16(p) != START)
        return 0;
    *v = (struct variable){.state = p[STATE],
                           .attributes = le32(p + ATTRIBUTES),
                           .name_size = le32(p + sizes),
                           .data_size = le32(p + sizes + 4),
                           .guid = (const void *)(p + sizes + 8),
                           .name = p + header};
    const uint64_t size = (uint64_t)header + v->name_size + v->data_size;
    if (size > n || v->name_size % 2)
        return 0;
    v->data = v->name + v->name_size;
    return (size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

void variable_name(const struct variable *v, struct text *out)
{
    for (uint32_t i = 0; i + 1 < v->name_size && (v->name[i] || v->name[i + 1]); i += 2)
        text_add(out, "%c", v->name[i] >= ' ' && v->name[i] < 0x7f && !v->name[i + 1] ? v->name[i] : '?');
}

/* 55AAh may stand in data as well: sizes, the state and the name must be those of a variable. */
static bool is_around(const uint8_t *image, size_t size, uint64_t at, uint64_t offset, struct variable *v)
{
    enum {
        NAME_MOST = 512,
        DATA_MOST = 65536,
        ADDED_BITS = 0x3c
    }; /* it may be deleted since: its state's two lowest bits */
    for (unsigned form = 0; form < VARIABLE_FORMS; form++) {
        const size_t n = variable_read((enum variable_form)form, image + at, size - at, v);
        if (n && (v->state & ~3u) == ADDED_BITS && v->name_size >= 4 && v->name_size <= NAME_MOST &&
            v->data_size <= DATA_MOST && v->name[0] && !v->name[1] &&
            offset < at + forms[form].header + v->name_size + v->data_size)
            return true;
    }
    return false;
}

bool variable_around(const uint8_t *image, size_t size, uint64_t offset, struct variable *v)
{
    enum { FAR = 65536 };
    if (offset >= size)
        return false;
    const uint64_t lowest = offset > FAR ? offset - FAR : 0;
    for (uint64_t at = (offset & ~(uint64_t)(ALIGNMENT - 1)) + ALIGNMENT; at > lowest && at >= ALIGNMENT;) {
        at -= ALIGNMENT;
        if (is_around(image, size, at, offset, v))
            return true;
    }
    return false;
}
