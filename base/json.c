/* json.c - see json.h. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/out.h"

/* ---------------------------------------------------------------- the generator */

static void *take(void *ctx, size_t n)
{
    return mem_alloc(n);
}

static void *take_more(void *ctx, void *p, size_t n)
{
    return mem_resize(p, n);
}

static void give_back(void *ctx, void *p)
{
    free(p);
}

yajl_gen json_new(bool pretty)
{
    const yajl_alloc_funcs memory = {.malloc = take, .realloc = take_more, .free = give_back};
    yajl_gen g = mem_check(yajl_gen_alloc(&memory));
    yajl_gen_config(g, yajl_gen_beautify, (int)pretty);
    return g;
}

/* ---------------------------------------------------------------- printing */

/* The code point of a well-formed character of two to four bytes. */
static uint32_t code_point(const uint8_t *p, size_t len)
{
    uint32_t c = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* All that text must not have is below U+10000, and yajl has escaped what is below U+0020; a new line is between tokens. */
static size_t passes(const uint8_t *p, size_t n)
{
    return *p == '\n' ? 1 : utf8_printable(p, n);
}

static void put_document(FILE *out, const uint8_t *p, size_t n)
{
    while (n) {
        size_t plain = 0, len;
        while (plain < n && (len = passes(p + plain, n - plain)))
            plain += len;
        out_bytes(out, p, plain);
        p += plain;
        n -= plain;
        if (!n)
            break;
        len = utf8_length(p, n);
        out_print(out, "\\u%04" PRIX32, !len ? UINT32_C(0xfffd) : len == 1 ? *p : code_point(p, len));
        p += len ? len : 1;
        n -= len ? len : 1;
    }
}

void json_write(yajl_gen g, FILE *out)
{
    const unsigned char *text;
    size_t n;
    if (yajl_gen_get_buf(g, &text, &n) == yajl_gen_status_ok)
        put_document(out, text, n);
    yajl_gen_clear(g);
}

void json_print(yajl_gen g)
{
    json_write(g, stdout);
}

void json_end(yajl_gen g, FILE *out)
{
    json_write(g, out);
    out_char(out, '\n');
    yajl_gen_reset(g, NULL);
}

/* ---------------------------------------------------------------- what is in it */

void json_element_n(yajl_gen g, const char *value, size_t n)
{
    yajl_gen_string(g, (const unsigned char *)value, n);
}

void json_element(yajl_gen g, const char *value)
{
    json_element_n(g, value, strlen(value));
}

void json_text(yajl_gen g, const char *key, const char *value)
{
    json_element(g, key);
    if (value)
        json_element(g, value);
    else
        yajl_gen_null(g);
}

/* yajl_gen_integer's are signed. */
void json_number(yajl_gen g, const char *key, uint64_t value)
{
    char digits[24];
    const int n = snprintf(digits, sizeof digits, "%" PRIu64, value);
    json_element(g, key);
    yajl_gen_number(g, digits, (size_t)n);
}

void json_bool(yajl_gen g, const char *key, bool value)
{
    json_element(g, key);
    yajl_gen_bool(g, value);
}

void json_array(yajl_gen g, const char *key)
{
    json_element(g, key);
    yajl_gen_array_open(g);
}

void json_object(yajl_gen g, const char *key)
{
    json_element(g, key);
    yajl_gen_map_open(g);
}
