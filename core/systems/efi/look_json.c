/* look_json.c - entries of the lists as JSON. See look.h. */
#include <inttypes.h>
#include <yajl/yajl_gen.h>

#include "core/systems/efi/private/look.h"

static void put(struct efi_look *l, const char *text)
{
    yajl_gen_string(l->json, (const unsigned char *)text, strlen(text));
}

static void put_key(struct efi_look *l, const char *key)
{
    if (key)
        put(l, key);
}

void look_json_open(struct efi_look *l)
{
    yajl_gen_map_open(l->json);
}

void look_json_close(struct efi_look *l)
{
    yajl_gen_map_close(l->json);
}

void look_json_text(struct efi_look *l, const char *key, const char *text)
{
    put_key(l, key);
    if (text)
        put(l, text);
    else
        yajl_gen_null(l->json);
}

void look_json_number(struct efi_look *l, const char *key, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, n);
    put_key(l, key);
    yajl_gen_number(l->json, text, strlen(text));
}

/* JSON's numbers are too short for addresses. */
void look_json_hex(struct efi_look *l, const char *key, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, n);
    look_json_text(l, key, text);
}

void look_json_begin(struct efi_look *l, const char *key)
{
    put_key(l, key);
    yajl_gen_array_open(l->json);
}

void look_json_end(struct efi_look *l)
{
    yajl_gen_array_close(l->json);
}
