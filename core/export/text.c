/* text.c - text in HTML. See impl.h. */
#include <inttypes.h>

#include "base/numbers.h"
#include "base/out.h"
#include "base/utf8.h"
#include "core/export/private/impl.h"

void put_html(FILE *out, const char *text, size_t n)
{
    out_markup(out, text, n);
}

void put_seconds(FILE *out, uint64_t ns)
{
    char text[NUMBER_TEXT];
    out_words(out, number_seconds(text, ns));
}
