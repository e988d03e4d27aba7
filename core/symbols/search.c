/* search.c - symbols by what people write: a name, a name without a compiler's suffix, a pattern. See symbols.h. */
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "core/symbols/private/impl.h"

/* ---------------------------------------------------------------- names */

/* The suffixes by which compilers tell copies of a function apart: ".constprop.0", ".isra.0.part.1", ".llvm.123". The part of a
 * function that is put apart (".cold") is no copy. */
static bool is_copy(const char *suffix)
{
    static const char *const words[] = {"constprop", "isra", "part", "llvm", "lto_priv", "clone", "plt"};
    enum { WORDS = sizeof words / sizeof words[0] };
    while (*suffix == '.') {
        const size_t n = strcspn(++suffix, ".");
        size_t i = 0, digits = 0;
        while (digits < n && isdigit((unsigned char)suffix[digits]))
            digits++;
        while (i < WORDS && (strlen(words[i]) != n || strncmp(suffix, words[i], n) != 0))
            i++;
        if (!n || (i == WORDS && digits < n))
            return false;
        suffix += n;
    }
    return true;
}

size_t symbol_plain_length(const char *name)
{
    const size_t n = strcspn(name, ".");
    return n && name[n] && is_copy(name + n) ? n : strlen(name);
}

bool symbol_is_pattern(const char *text)
{
    return strpbrk(text, "*?[");
}

/* Whether a function of that name is one of those that a text without a symbol of its own stands for. */
static bool stands_for(const char *text, const char *name)
{
    const size_t n = strlen(text);
    if (symbol_is_pattern(text))
        return !fnmatch(text, name, 0) && !strstr(name, ".cold") &&
               (strncmp(name, "__pfx_", 6) || !strncmp(text, "__pfx_", 6));
    return !strncmp(name, text, n) && name[n] == '.' && symbol_plain_length(name) == n;
}

bool symbol_name_matches(const char *text, const char *name)
{
    const char *colon = symbol_is_pattern(text) ? strchr(text, ':') : NULL;
    return !strcmp(text, name) || stands_for(colon ? colon + 1 : text, name);
}

/* "module:name": its module's length and what follows; 0 and all of it otherwise. */
static size_t split(const char *text, const char **name)
{
    const char *colon = strchr(text, ':');
    const size_t n = colon && colon[1] && colon[1] != ':' ? (size_t)(colon - text) : 0;
    *name = n ? colon + 1 : text;
    return n;
}

bool symbol_table_search(const struct symbol_table *t, const char *text, size_t *next, struct symbol *sym)
{
    const char *name;
    const size_t module = split(text, &name);
    if (module && (strncmp(t->name, text, module) || t->name[module]))
        return false;
    while (*next < t->n) {
        const struct entry *e = &t->entries[*next];
        if (symbol_is_code(e->type) && stands_for(name, t->names + e->name)) {
            symbol_table_symbol(t, (*next)++, sym);
            return true;
        }
        (*next)++;
    }
    return false;
}

/* ---------------------------------------------------------------- searching */

struct symbol_search symbols_search(const struct symbols *s, symbol_space space, const char *text,
                                    uint64_t at)
{
    return (struct symbol_search){.s = s, .space = space, .text = text, .at = at};
}

static bool next_exact(struct symbol_search *q, struct symbol *sym)
{
    const bool found = q->how == SEARCH_BEGINS ? symbols_find(q->s, q->space, q->text, q->at, sym)
                                               : symbols_find_next(q->s, q->space, q->text, q->at, sym);
    if (found)
        q->how = SEARCH_EXACT;
    return found;
}

/* The next in the mappings of one space. */
static bool next_in_space(struct symbol_search *q, struct symbol *sym)
{
    for (; q->map; q->map = symbols_older(q->s, q->space, q->map), q->entry = 0) {
        const struct symbol_mapping *m = &q->s->maps[q->map - 1];
        if (!symbol_mapping_in_force(m, q->at) || !symbol_table_search(m->table, q->text, &q->entry, sym))
            continue;
        sym->address += sym->flags & SYMBOL_ABSOLUTE ? 0 : m->bias;
        return true;
    }
    return false;
}

bool symbols_search_next(struct symbol_search *q, struct symbol *sym)
{
    if (q->how == SEARCH_EXACT)
        return next_exact(q, sym);
    if (q->how == SEARCH_BEGINS && !symbol_is_pattern(q->text) && next_exact(q, sym))
        return true;
    if (q->how == SEARCH_BEGINS) {
        q->how = SEARCH_COPIES;
        q->map = symbols_newest(q->s, q->space);
    }
    while (!next_in_space(q, sym)) {
        const symbol_space kernel = symbol_space_kernel(q->space);
        if (q->space == SPACE_KERNEL || q->space == SPACE_ANY)
            return false;
        q->space = q->space == kernel ? SPACE_KERNEL : kernel;
        q->map = symbols_newest(q->s, q->space);
        q->entry = 0;
    }
    return true;
}

bool symbol_is_called(const struct symbol *s)
{
    return s->type && strchr("tTwWiI?", s->type) && !(s->flags & SYMBOL_ABSOLUTE) &&
           strncmp(s->name, "__pfx_", 6) && strncmp(s->name, "__cfi_", 6);
}
