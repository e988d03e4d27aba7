/* markup.c - see markup.h. */
#include <string.h>

#include "cli/markup.h"
#include "base/out.h"

void markup_text(FILE *out, const char *text)
{
    out_markup(out, text, strlen(text));
}
