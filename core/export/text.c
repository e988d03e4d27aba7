/* text.c - text in the escapes of JSON and HTML. See impl.h. */
#include <inttypes.h>

#include "core/ground/numbers.h"
#include "core/export/private/impl.h"
#include "traces/utf8.h"
#include "core/ground/out.h"

void put_json(FILE *out, const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_length(p + i, n - i);
        if (!len) {
            out_words(out, "\\ufffd");
            len = 1;
        } else if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\' || p[i] == 0x7f) {
            out_print(out, "\\u%04x", p[i]);
        } else {
            out_bytes(out, p + i, len);
        }
    }
}

void put_html(FILE *out, const char *text, size_t n)
{
    out_markup(out, text, n);
}

void put_seconds(FILE *out, uint64_t ns)
{
    char text[NUMBER_TEXT];
    out_words(out, number_seconds(text, ns));
}
