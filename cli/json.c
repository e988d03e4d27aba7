/* json.c - JSON output of the commands. */
#include <string.h>

#include "cli/json.h"
#include "core/ground/out.h"

void json_text(yajl_gen g, const char *key, const char *value)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    if (value)
        yajl_gen_string(g, (const unsigned char *)value, strlen(value));
    else
        yajl_gen_null(g);
}

void json_number(yajl_gen g, const char *key, uint64_t value)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_integer(g, (long long)value);
}

void json_bool(yajl_gen g, const char *key, bool value)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_bool(g, value);
}

void json_array(yajl_gen g, const char *key)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_array_open(g);
}

void json_object(yajl_gen g, const char *key)
{
    yajl_gen_string(g, (const unsigned char *)key, strlen(key));
    yajl_gen_map_open(g);
}

void json_print(yajl_gen g)
{
    const unsigned char *text;
    size_t n;
    yajl_gen_get_buf(g, &text, &n);
    out_bytes(stdout, text, n);
    yajl_gen_clear(g);
}

void json_element(yajl_gen g, const char *value)
{
    yajl_gen_string(g, (const unsigned char *)value, strlen(value));
}
