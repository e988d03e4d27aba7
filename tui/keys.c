/* keys.c - see keys.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/canvas.h"
#include "tui/keys.h"

/* ---------------------------------------------------------------- names of keys */

static const struct {
    const char *name;
    int key;
} names[] = {
    {"Enter", TK_ENTER},
    {"Tab", TK_TAB},
    {"S-Tab", TK_BACKTAB},
    {"Esc", TK_ESCAPE},
    {"Space", ' '},
    {"Up", TK_UP},
    {"Down", TK_DOWN},
    {"Left", TK_LEFT},
    {"Right", TK_RIGHT},
    {"Home", TK_HOME},
    {"End", TK_END},
    {"PageUp", TK_PAGE_UP},
    {"PageDown", TK_PAGE_DOWN},
    {"BackSpace", TK_BACKSPACE},
    {"Insert", TK_INSERT},
    {"Delete", TK_DELETE},
};
enum { NNAMES = sizeof names / sizeof names[0] };

int key_parse(const char *name)
{
    const char *p = name;
    if (!strncmp(name, "M-", 2) && name[2]) {
        int key = key_parse(name + 2);
        return key < 0 ? -1 : key | KEY_ALT;
    }
    if (!strncmp(name, "C-", 2) && name[2] && !name[3])
        return name[2] & 31;
    for (unsigned i = 0; i < NNAMES; i++)
        if (!strcmp(names[i].name, name))
            return names[i].key;
    if (*name == 'F' && name[1] >= '1' && name[1] <= '9') {
        int n = atoi(name + 1);
        return n <= 12 ? TK_F1 + n - 1 : -1;
    }
    uint32_t c = utf8_take(&p);
    return c && !*p && c != 0xfffd ? (int)c : -1;
}

const char *key_text(int key, char buf[16])
{
    char *p = buf;
    if (key & KEY_ALT)
        p = stpcpy(p, "M-");
    key &= ~KEY_ALT;
    for (unsigned i = 0; i < NNAMES; i++)
        if (names[i].key == key) {
            strcpy(p, names[i].name);
            return buf;
        }
    if (key >= TK_F1 && key <= TK_F12)
        sprintf(p, "F%d", key - TK_F1 + 1);
    else if (key < 32)
        sprintf(p, "C-%c", key + 96);
    else
        p[utf8_put((uint32_t)key, p)] = 0;
    return buf;
}

/* ---------------------------------------------------------------- commands */

static const struct command_row rows[CMD_COUNT] = {
#define GROUP(title)
#define COMMAND(id, name, contexts, keys, label, argument, help)                                             \
    [CMD_##id] = {name, keys, label, help, contexts, argument},
#include "tui/commands.def"
#undef GROUP
#undef COMMAND
};

const struct command_row *command_row(enum command c)
{
    return &rows[c];
}

enum command command_by_name(const char *name, size_t n)
{
    enum command found = CMD_NONE;
    unsigned begun = 0;
    for (unsigned i = 0; n && i < CMD_COUNT; i++) {
        if (strncmp(rows[i].name, name, n))
            continue;
        if (!rows[i].name[n])
            return (enum command)i;
        found = (enum command)i;
        begun++;
    }
    return begun == 1 ? found : CMD_NONE;
}

/* ---------------------------------------------------------------- bindings */

static void add(struct bindings *b, int key, unsigned contexts, enum command c, const char *arg)
{
    MEM_MORE(b->list, b->n);
    b->list[b->n++] = (struct binding){key, contexts, c, arg ? mem_string(arg) : NULL};
}

void bindings_default(struct bindings *b)
{
    for (unsigned i = 0; i < CMD_COUNT; i++) {
        char words[64], *save;
        snprintf(words, sizeof words, "%s", rows[i].keys);
        for (char *k = strtok_r(words, " ", &save); k; k = strtok_r(NULL, " ", &save))
            add(b, key_parse(k), rows[i].contexts, (enum command)i, NULL);
    }
}

void bindings_free(struct bindings *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->list[i].arg);
    free(b->list);
    *b = (struct bindings){0};
}

int bindings_set(struct bindings *b, unsigned view, const char *key, const char *command, struct error *err)
{
    int k = key_parse(key);
    size_t n = strcspn(command, " \t");
    enum command c = command_by_name(command, n);
    if (k < 0)
        return error_set(err, "\"%.20s\" is not a key: write it as a, C-a, M-a, F1, Enter, PageUp …", key);
    if (c == CMD_NONE)
        return error_set(err, "\"%.*s\" is not a command: ? shows them", (int)n, command);
    command += n + strspn(command + n, " \t");
    add(b, k, view == VIEW_COUNT ? CX_ANY : 1u << view, c, *command ? command : NULL);
    return 0;
}

/* A view's own bindings take precedence over those of all views, and later bindings over earlier ones. */
const struct binding *bindings_find(const struct bindings *b, enum view_id view, int key)
{
    const struct binding *any = NULL;
    for (size_t i = b->n; i-- > 0;) {
        const struct binding *k = &b->list[i];
        if (k->key != key || !(k->contexts >> view & 1))
            continue;
        if (k->contexts != CX_ANY)
            return k;
        if (!any)
            any = k;
    }
    return any;
}

int bindings_key(const struct bindings *b, enum view_id view, enum command c)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->list[i].command == c && b->list[i].contexts >> view & 1 &&
            bindings_find(b, view, b->list[i].key) == &b->list[i])
            return b->list[i].key;
    return 0;
}
