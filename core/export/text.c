/* text.c - text in the escapes of JSON and HTML. See impl.h. */
#include <inttypes.h>

#include "core/ground/numbers.h"
#include "core/export/private/impl.h"
#include "traces/utf8.h"

void put_json(FILE *out, const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_length(p + i, n - i);
        if (!len) {
            fputs("\\ufffd", out);
            len = 1;
        } else if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\' || p[i] == 0x7f) {
            fprintf(out, "\\u%04x", p[i]);
        } else {
            fwrite(p + i, 1, len, out);
        }
    }
}

void put_html(FILE *out, const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_length(p + i, n - i);
        bool control = len == 1 && (p[i] < 0x20 || p[i] == 0x7f) && p[i] != '\n' && p[i] != '\t';
        if (!len || control) {
            fputs("\xef\xbf\xbd", out); /* U+FFFD */
            len = 1;
        } else if (p[i] == '<' || p[i] == '>' || p[i] == '&' || p[i] == '"') {
            fprintf(out, "&#%d;", p[i]);
        } else {
            fwrite(p + i, 1, len, out);
        }
    }
}

void put_seconds(FILE *out, uint64_t ns)
{
    char text[NUMBER_TEXT];
    fputs(number_seconds(text, ns), out);
}
