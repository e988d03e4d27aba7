/* digest_read.c - a digest back into an outline. It may have been edited by hand: every line is checked. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "core/compare/digest.h"

enum {
    LINE_MAX_LENGTH = 65536,
    ITEMS_MAX = 1 << 22,
    DEPTH_MAX = 250, /* outlines are at most 200 deep */
    FIELDS_MAX = 16,
    FILE_MAX = 1 << 30,
    STRANGE_MAX = 1000, /* lines of times that belong to no item: more were not written by hand */
};

struct reader {
    struct outline *o;
    const char *name;
    struct error *err;
    unsigned long line;
    char *p; /* in the line */
    struct outline_about about;
    uint32_t open[DEPTH_MAX + 1]; /* the last item of each depth */
    unsigned depth;               /* of the last item */
    uint64_t items, said;         /* said: by the last line of the items */
    uint64_t version;
    bool ended, times; /* after the items; in the section of the times */
    uint32_t next;     /* the first item that a line of that section may be about */
    unsigned strange;  /* lines there that are about no item */
    char warning[300];
};

static int refuse(struct reader *r, const char *what)
{
    return error_set(r->err, "%.200s:%lu: %s", r->name, r->line, what);
}

/* ---------------------------------------------------------------- words */

static void skip_blanks(struct reader *r)
{
    while (*r->p == ' ')
        r->p++;
}

/* The next word up to a blank, ended; "" at the end of the line. */
static char *next_word(struct reader *r)
{
    skip_blanks(r);
    char *word = r->p;
    r->p += strcspn(r->p, " ");
    if (*r->p)
        *r->p++ = 0;
    return word;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

/* A text in quotation marks, unquoted in place. NULL with err. */
static char *take_text(struct reader *r)
{
    skip_blanks(r);
    if (*r->p != '"') {
        refuse(r, "a text in quotation marks is missing");
        return NULL;
    }
    char *text = ++r->p, *to = text;
    for (; *r->p && *r->p != '"'; r->p++) {
        if (*r->p != '\\') {
            *to++ = *r->p;
        } else if (r->p[1] == 'x' && hex_digit(r->p[2]) >= 0 && hex_digit(r->p[3]) >= 0) {
            char c = (char)(hex_digit(r->p[2]) << 4 | hex_digit(r->p[3]));
            *to++ = c ? c : ' ';
            r->p += 3;
        } else if (r->p[1]) {
            *to++ = *++r->p;
        }
    }
    if (!*r->p) {
        refuse(r, "a text has no quotation mark at its end");
        return NULL;
    }
    r->p++;
    *to = 0;
    return text;
}

static int take_number(struct reader *r, const char *text, uint64_t *n)
{
    char *end;
    bool sign = *text == '-' || *text == '+';
    errno = 0;
    if (!isdigit((unsigned char)text[sign]))
        return refuse(r, "a number is missing");
    *n = sign ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
    return errno || *end ? refuse(r, "this is not a number") : 0;
}

/* ---------------------------------------------------------------- an item */

struct item {
    struct outline_item it;
    struct outline_field field[FIELDS_MAX];
    unsigned nfields, device;
    bool beside;
};

static bool is_kind(const char *word)
{
    for (unsigned k = 0; k < EV_COUNT; k++)
        if (!strcmp(event_kind(k)->name, word))
            return true;
    return false;
}

static int take_kind(struct reader *r, struct item *x)
{
    static const struct {
        const char *word;
        enum outline_type type;
    } types[] = {{"setting", OUTLINE_INPUT},  {"image", OUTLINE_INPUT},
                 {"stage", OUTLINE_STAGE},    {"process", OUTLINE_PROCESS},
                 {"thread", OUTLINE_PROCESS}, {"kernel-thread", OUTLINE_PROCESS}};
    char *word = next_word(r), *colon = strchr(word, ':');
    uint64_t device = 0;
    if (colon) {
        *colon = 0;
        if (take_number(r, colon + 1, &device))
            return -1;
        x->device = device < 255 ? (unsigned)device : 255;
        x->field[x->nfields++] = (struct outline_field){"device", device, EFT_DEC, true};
    }
    x->it.kind = word;
    x->it.type = OUTLINE_EVENT;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(types[i].word, word)) {
            x->it.type = (uint8_t)types[i].type;
            return 0;
        }
    return is_kind(word) ? 0 : refuse(r, "its first word is none of the words of digests");
}

static int take_field(struct reader *r, struct item *x, char *word)
{
    char *value = strchr(word, '=');
    struct outline_field f = {.name = word, .key = true, .type = EFT_DEC};
    if (!value || value == word)
        return refuse(r, "a word that is neither NAME=NUMBER nor log, open, beside, xNUMBER or :");
    *value++ = 0;
    if (take_number(r, value, &f.value))
        return -1;
    if (*value == '+' || *value == '-')
        f.type = EFT_SIGNED;
    else if (value[0] == '0' && value[1] == 'x')
        f.type = EFT_HEX;
    if (x->nfields == FIELDS_MAX)
        return refuse(r, "too many fields");
    x->field[x->nfields++] = f;
    return 0;
}

/* After ":", pairs of name and number. */
static int take_measures(struct reader *r, struct item *x)
{
    for (char *word = next_word(r); *word; word = next_word(r)) {
        uint64_t n;
        if (take_number(r, next_word(r), &n))
            return -1;
        if (!strcmp(word, "time"))
            x->it.took = n;
        else if (!strcmp(word, "steps"))
            x->it.steps = n;
    }
    return 0;
}

static int take_rest(struct reader *r, struct item *x)
{
    for (char *word = next_word(r); *word; word = next_word(r)) {
        if (!strcmp(word, ":"))
            return take_measures(r, x);
        if (!strcmp(word, "log")) {
            x->it.log = true;
        } else if (!strcmp(word, "open")) {
            x->it.open = true;
        } else if (!strcmp(word, "beside")) {
            x->beside = true;
        } else if (*word == 'x' && (!word[1] || isdigit((unsigned char)word[1]))) {
            if (word[1] && take_number(r, word + 1, &x->it.count))
                return -1;
            x->it.type = OUTLINE_COUNT;
        } else if (take_field(r, x, word)) {
            return -1;
        }
    }
    return 0;
}

static int take_depth(struct reader *r, unsigned *depth)
{
    size_t blanks = strspn(r->p, " ");
    *depth = (unsigned)(blanks / 2);
    if (blanks % 2 || blanks / 2 > DEPTH_MAX)
        return refuse(r, "its indentation is not two blanks for each stage that it is in");
    if (!r->times && (r->items ? *depth > r->depth + 1 : *depth))
        return refuse(r, "it is indented deeper than one stage below the line before it");
    r->p += blanks;
    return 0;
}

static int add_item(struct reader *r, struct item *x, unsigned depth)
{
    x->it.within = depth ? r->open[depth - 1] : OUTLINE_NONE;
    if (!depth && x->it.type != OUTLINE_INPUT && x->it.type != OUTLINE_STAGE)
        return refuse(r, "only inputs and the stage of the whole boot are not indented");
    if (depth && (outline_get(r->o, x->it.within)->type == OUTLINE_INPUT ||
                  outline_get(r->o, x->it.within)->type == OUTLINE_COUNT))
        return refuse(r, "it is indented below a line that nothing can be in");
    if (++r->items > ITEMS_MAX)
        return refuse(r, "too many lines for a digest");
    outline_place(r->o, &x->it, x->device);
    if (x->it.type == OUTLINE_STAGE)
        x->it.lane = x->beside ? OUTLINE_UNORDERED : OUTLINE_MAIN;
    r->open[depth] = outline_add(r->o, &x->it, x->field, x->nfields);
    r->depth = depth;
    return 0;
}

static bool is_about(const struct outline_item *it, const struct item *x, unsigned depth)
{
    return it->depth == depth && it->type == x->it.type && !strcmp(it->kind, x->it.kind) &&
           !strcmp(it->same, x->it.same);
}

/* A line of the times belongs to the next item that is named so. If there is none, somebody has removed it. */
static int add_times(struct reader *r, const struct item *x, unsigned depth)
{
    uint32_t i = r->next, n = outline_count(r->o);
    while (i < n && !is_about(outline_get(r->o, i), x, depth))
        i++;
    if (i == n)
        return ++r->strange < STRANGE_MAX ? 0 : refuse(r, "the times belong to other lines than these");
    struct outline_item *it = outline_edit(r->o, i);
    it->took = x->it.took;
    it->steps = x->it.steps;
    it->count = x->it.count;
    r->next = i + 1;
    return 0;
}

static int take_item(struct reader *r)
{
    struct item x = {.it = {.event = UINT64_MAX, .count = 1, .detail = ""}};
    unsigned depth;
    if (take_depth(r, &depth) || take_kind(r, &x))
        return -1;
    char *text = take_text(r);
    if (!text)
        return -1;
    x.it.text = x.it.same = text;
    if (r->p[0] == ' ' && r->p[1] == '"' && !(x.it.detail = take_text(r)))
        return -1;
    if (*r->p && *r->p != ' ')
        return refuse(r, "a blank is missing after a text");
    if (take_rest(r, &x))
        return -1;
    return r->times ? add_times(r, &x, depth) : add_item(r, &x, depth);
}

/* ---------------------------------------------------------------- the head */

static int take_classes(struct reader *r)
{
    for (char *word = next_word(r); *word; word = next_word(r)) {
        int c = event_class_by_name(word);
        if (c < 0)
            return refuse(r, "a word that is no class of events");
        r->about.classes |= EVENT_CLASS_BIT(c);
    }
    return 0;
}

static int take_ended(struct reader *r)
{
    char *text = take_text(r);
    if (!text)
        return -1;
    r->about.ended = outline_string(r->o, text, strlen(text));
    skip_blanks(r);
    if (*r->p != '"')
        return 0;
    text = take_text(r);
    r->about.end_text = text ? outline_string(r->o, text, strlen(text)) : "";
    return text ? 0 : -1;
}

/* Takes a line of the head, or the last line. 1: it is another line. */
static int take_head(struct reader *r)
{
    static const char *const words[] = {"engine ",  "behaviour ", "classes", "ended ",
                                        "warning ", "events ",    "end "};
    uint64_t n;
    size_t i = 0;
    while (i < sizeof words / sizeof words[0] && strncmp(r->p, words[i], strlen(words[i])))
        i++;
    if (i == sizeof words / sizeof words[0])
        return 1;
    next_word(r);
    switch (i) {
    case 0:
        r->about.engine = outline_string(r->o, r->p, strlen(r->p));
        return 0;
    case 1:
        if (take_number(r, next_word(r), &n))
            return -1;
        r->about.behaviour = (uint32_t)n;
        return 0;
    case 2:
        return take_classes(r);
    case 3:
        return take_ended(r);
    case 4: {
        char *text = take_text(r);
        if (text)
            snprintf(r->warning, sizeof r->warning, "%.250s", text);
        return text ? 0 : -1;
    }
    case 5:
        return take_number(r, next_word(r), &r->about.events);
    default:
        r->ended = true;
        return take_number(r, next_word(r), &r->said);
    }
}

static int take_first_line(struct reader *r)
{
    if (strcmp(next_word(r), DIGEST_FIRST_WORDS))
        return refuse(r, "this is no digest: bootreel digest TRACE makes one");
    if (take_number(r, next_word(r), &r->version))
        return -1;
    return r->version >= 1 && r->version <= DIGEST_VERSION
               ? 0
               : refuse(r, "a digest of another version: make it again from the trace");
}

static int take_line(struct reader *r, char *line)
{
    r->p = line;
    r->line++;
    if (r->line == 1)
        return take_first_line(r);
    if (!*line || *line == '#')
        return 0;
    if (r->ended && !r->times) {
        r->times = r->version > 1 && !strcmp(line, "times");
        return r->times ? 0 : refuse(r, "something follows the last line");
    }
    int head = *line == ' ' ? 1 : take_head(r);
    return head == 1 ? take_item(r) : head;
}

static int take_lines(struct reader *r, const char *text, size_t n)
{
    const char *end = text + n;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t len = stop ? (size_t)(stop - text) : (size_t)(end - text);
        if (len > LINE_MAX_LENGTH) {
            r->line++;
            return refuse(r, "the line is too long for a digest");
        }
        char *line = mem_text(text, len);
        len = strlen(line);
        while (len && line[len - 1] == '\r')
            line[--len] = 0;
        int rc = take_line(r, line);
        free(line);
        if (rc)
            return -1;
        text = stop ? stop + 1 : end;
    }
    return r->line ? 0 : error_set(r->err, "%.200s: the file is empty", r->name);
}

/* ---------------------------------------------------------------- the whole */

static void finish_about(struct reader *r)
{
    r->about.digest = true;
    r->about.name = r->name;
    if (!r->ended)
        snprintf(r->warning, sizeof r->warning, "cut short: the digest has no last line");
    r->about.warning = r->warning;
    for (uint32_t i = 0; i < outline_count(r->o); i++)
        if (outline_get(r->o, i)->type == OUTLINE_STAGE) {
            r->about.icount = outline_get(r->o, i)->steps;
            r->about.time = outline_get(r->o, i)->took;
            break;
        }
    r->about.edited = r->ended && r->said != r->items;
    outline_set_about(r->o, &r->about);
}

struct outline *digest_parse(const char *name, const char *text, size_t n, struct error *err)
{
    struct reader r = {.o = outline_new(), .name = name, .err = err};
    if (take_lines(&r, text, n)) {
        outline_free(r.o);
        return NULL;
    }
    finish_about(&r);
    return r.o;
}

/* ---------------------------------------------------------------- files */

bool digest_is(const char *path)
{
    char head[sizeof DIGEST_FIRST_WORDS];
    struct stat st;
    FILE *f = !stat(path, &st) && S_ISREG(st.st_mode) ? fopen(path, "r")
                                                      : NULL; /* do not wait for the writer of a pipe */
    if (!f)
        return false;
    size_t n = fread(head, 1, sizeof head - 1, f);
    fclose(f);
    return n == sizeof head - 1 && !memcmp(head, DIGEST_FIRST_WORDS, n);
}

struct outline *digest_read(const char *path, struct error *err)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t n = 0, room = 0, got = 1;
    if (!f) {
        error_set(err, "%.200s: %s", path, strerror(errno));
        return NULL;
    }
    while (got && n < FILE_MAX) {
        text = mem_grow(text, &room, n + 65536, 1);
        got = fread(text + n, 1, 65536, f);
        n += got;
    }
    bool failed = ferror(f);
    fclose(f);
    struct outline *o = NULL;
    if (failed || n >= FILE_MAX)
        error_set(err, "%.200s: %s", path, failed ? "cannot be read" : "too large for a digest");
    else
        o = digest_parse(path, text, n, err);
    free(text);
    return o;
}
