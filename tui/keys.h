/* keys.h - names of keys, names of commands, and the key bindings of each view. Private to tui/. */
#ifndef BOOTREEL_TUI_KEYS_H
#define BOOTREEL_TUI_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A key: a Unicode character, a control character (1-31), or one of these; with Alt, KEY_ALT is added. */
enum {
    KEY_SPECIAL = 0x200000,
    TK_UP = KEY_SPECIAL,
    TK_DOWN,
    TK_LEFT,
    TK_RIGHT,
    TK_HOME,
    TK_END,
    TK_PAGE_UP,
    TK_PAGE_DOWN,
    TK_BACKSPACE,
    TK_INSERT,
    TK_DELETE,
    TK_BACKTAB,
    TK_F1,
    TK_F12 = TK_F1 + 11,
    TK_RESIZE,
    TK_MOUSE,
    TK_NONE,
    KEY_ALT = 0x400000,
    TK_ENTER = '\r',
    TK_TAB = '\t',
    TK_ESCAPE = 27,
};

/* "a", "C-o", "M-x", "Enter", "S-Tab", "F4". -1 if there is no such key. */
int key_parse(const char *name);
const char *key_text(int key, char buf[16]);

enum view_id {
#define VIEW(id, name, title) VIEW_##id,
#include "tui/views.def"
#undef VIEW
    VIEW_COUNT
};

enum context {
#define VIEW(id, name, title) CX_##id = 1 << VIEW_##id,
#include "tui/views.def"
#undef VIEW
    CX_ANY = (1 << VIEW_COUNT) - 1
};

/* _ASK: without an argument, the key opens the command line to ask for one. */
enum argument {
    ARG_NONE,
    ARG_COUNT,
    ARG_POSITION,
    ARG_POSITION_ASK,
    ARG_EVENT,
    ARG_REGISTER,
    ARG_REGISTER_ASK,
    ARG_MARK,
    ARG_MARK_ASK,
    ARG_ADDRESS,
    ARG_ADDRESS_ASK,
    ARG_PAGE,
    ARG_VIEW,
    ARG_TEXT_ASK,
    ARG_FILTER_ASK,
    ARG_FILE,
};

enum command {
#define GROUP(title)
#define COMMAND(id, name, contexts, keys, label, argument, help) CMD_##id,
#include "tui/commands.def"
#undef GROUP
#undef COMMAND
    CMD_COUNT,
    CMD_NONE = CMD_COUNT
};

struct command_row {
    const char *name, *keys, *label, *help;
    unsigned contexts;
    enum argument argument;
};

const struct command_row *command_row(enum command c);
/* CMD_NONE if there is no such command. An unambiguous prefix is enough. */
enum command command_by_name(const char *name, size_t n);

struct binding {
    int key;
    unsigned contexts;
    enum command command;
    char *arg; /* or NULL */
};

struct bindings {
    struct binding *list;
    size_t n;
};

void bindings_default(struct bindings *b);
void bindings_free(struct bindings *b);
/* Sets a binding from the configuration: the key, then the command and perhaps its argument; in one view, or
 * in all (VIEW_COUNT). */
int bindings_set(struct bindings *b, unsigned view, const char *key, const char *command, struct error *err);
/* The binding for a key in a view, or NULL if it has none. */
const struct binding *bindings_find(const struct bindings *b, enum view_id view, int key);
/* The first key of a command in a view, or 0 if it has none. */
int bindings_key(const struct bindings *b, enum view_id view, enum command c);

#endif
