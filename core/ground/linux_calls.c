/* linux_calls.c - see linux_calls.h. */
#include "core/ground/linux_calls.h"
#include "base/sorted.h"

/* ---------------------------------------------------------------- names of numbers */

struct word {
    uint64_t value;
    const char *name; /* NULL: the end of a set */
};
struct set {
    uint64_t number; /* these bits are one value, the others are flags */
    const struct word *word;
};

#define SET(set, bits)    static const struct word words_##set[] = {
#define WORD(value, name) {value, #name},
#define END                                                                                                  \
    {                                                                                                        \
        0, NULL                                                                                              \
    }                                                                                                        \
    }                                                                                                        \
    ;
#include "core/ground/linux_words.def"
#undef SET
#undef WORD
#undef END

#define WORD(value, name)
#define END
enum {
#define SET(set, bits) SET_##set,
#include "core/ground/linux_words.def"
#undef SET
};
static const struct set sets[] = {
#define SET(set, bits) [SET_##set] = {bits, words_##set},
#include "core/ground/linux_words.def"
#undef SET
};
#undef WORD
#undef END

/* The name of a whole value in a set; NULL if it has none there. */
static const char *name_in(const struct set *s, uint64_t v)
{
    for (const struct word *w = s->word; w->name; w++)
        if (w->value == v)
            return w->name;
    return NULL;
}

static void add_number(struct text *t, uint64_t v)
{
    text_add(t, "%#llx", (unsigned long long)v);
}

/* Flags that are set, by name, and what is left of them as a number. `sep`: before the first. */
static void add_flags(struct text *t, const struct set *s, uint64_t v, const char *sep)
{
    for (const struct word *w = s->word; w->name; w++) {
        if (!(w->value & ~s->number) || (v & w->value) != w->value)
            continue;
        text_add(t, "%s%s", sep, w->name);
        v &= ~w->value;
        sep = "|";
    }
    if (v) {
        text_add(t, "%s", sep);
        add_number(t, v);
    }
}

/* The arguments are 32 bits wide, but for a few whose upper bits have no names. */
static uint64_t narrow(uint64_t v)
{
    return (uint64_t)(int64_t)(int32_t)v == v ? (uint32_t)v : v;
}

static void add_word(struct text *t, const struct set *s, uint64_t value)
{
    const uint64_t v = narrow(value), flags = v & ~s->number;
    const char *name = s->number || !v ? name_in(s, v & s->number) : NULL;
    if (name)
        text_add(t, "%s", name);
    else if (v & s->number)
        add_number(t, v & s->number);
    else if (!flags)
        text_add(t, "0");
    if (flags)
        add_flags(t, s, flags, name || v & s->number ? "|" : "");
}

void linux_add_signal(struct text *t, uint64_t v)
{
    const char *name = name_in(&sets[SET_signal], narrow(v));
    if (name)
        text_add(t, "%s", name);
    else
        text_add(t, "%llu", (unsigned long long)v);
}

void linux_add_signal_code(struct text *t, uint64_t signal, int64_t code)
{
    static const struct {
        const char *signal;
        uint16_t set;
    } own[] = {{"SIGILL", SET_si_ill}, {"SIGFPE", SET_si_fpe},   {"SIGSEGV", SET_si_segv},
               {"SIGBUS", SET_si_bus}, {"SIGTRAP", SET_si_trap}, {"SIGCHLD", SET_si_cld},
               {"SIGIO", SET_si_poll}};
    const char *by = name_in(&sets[SET_signal], signal), *name = name_in(&sets[SET_si_code], (uint32_t)code);
    for (size_t i = 0; by && !name && i < sizeof own / sizeof own[0]; i++)
        if (!strcmp(own[i].signal, by))
            name = name_in(&sets[own[i].set], (uint32_t)code);
    if (name)
        text_add(t, "%s", name);
    else
        text_add(t, "code %lld", (long long)code);
}

void linux_add_clone(struct text *t, uint64_t v)
{
    const struct set *s = &sets[SET_clone];
    const uint64_t flags = v & ~s->number;
    add_flags(t, s, flags, "");
    if (v & s->number) {
        text_add(t, flags ? "|" : "");
        linux_add_signal(t, v & s->number);
    } else if (!flags) {
        text_add(t, "0");
    }
}

/* ---------------------------------------------------------------- errors */

static const char *const errors[] = {
    [1] = "EPERM",
    [2] = "ENOENT",
    [3] = "ESRCH",
    [4] = "EINTR",
    [5] = "EIO",
    [6] = "ENXIO",
    [7] = "E2BIG",
    [8] = "ENOEXEC",
    [9] = "EBADF",
    [10] = "ECHILD",
    [11] = "EAGAIN",
    [12] = "ENOMEM",
    [13] = "EACCES",
    [14] = "EFAULT",
    [15] = "ENOTBLK",
    [16] = "EBUSY",
    [17] = "EEXIST",
    [18] = "EXDEV",
    [19] = "ENODEV",
    [20] = "ENOTDIR",
    [21] = "EISDIR",
    [22] = "EINVAL",
    [23] = "ENFILE",
    [24] = "EMFILE",
    [25] = "ENOTTY",
    [26] = "ETXTBSY",
    [27] = "EFBIG",
    [28] = "ENOSPC",
    [29] = "ESPIPE",
    [30] = "EROFS",
    [31] = "EMLINK",
    [32] = "EPIPE",
    [33] = "EDOM",
    [34] = "ERANGE",
    [35] = "EDEADLK",
    [36] = "ENAMETOOLONG",
    [37] = "ENOLCK",
    [38] = "ENOSYS",
    [39] = "ENOTEMPTY",
    [40] = "ELOOP",
    [42] = "ENOMSG",
    [43] = "EIDRM",
    [44] = "ECHRNG",
    [45] = "EL2NSYNC",
    [46] = "EL3HLT",
    [47] = "EL3RST",
    [48] = "ELNRNG",
    [49] = "EUNATCH",
    [50] = "ENOCSI",
    [51] = "EL2HLT",
    [52] = "EBADE",
    [53] = "EBADR",
    [54] = "EXFULL",
    [55] = "ENOANO",
    [56] = "EBADRQC",
    [57] = "EBADSLT",
    [59] = "EBFONT",
    [60] = "ENOSTR",
    [61] = "ENODATA",
    [62] = "ETIME",
    [63] = "ENOSR",
    [64] = "ENONET",
    [65] = "ENOPKG",
    [66] = "EREMOTE",
    [67] = "ENOLINK",
    [68] = "EADV",
    [69] = "ESRMNT",
    [70] = "ECOMM",
    [71] = "EPROTO",
    [72] = "EMULTIHOP",
    [73] = "EDOTDOT",
    [74] = "EBADMSG",
    [75] = "EOVERFLOW",
    [76] = "ENOTUNIQ",
    [77] = "EBADFD",
    [78] = "EREMCHG",
    [79] = "ELIBACC",
    [80] = "ELIBBAD",
    [81] = "ELIBSCN",
    [82] = "ELIBMAX",
    [83] = "ELIBEXEC",
    [84] = "EILSEQ",
    [85] = "ERESTART",
    [86] = "ESTRPIPE",
    [87] = "EUSERS",
    [88] = "ENOTSOCK",
    [89] = "EDESTADDRREQ",
    [90] = "EMSGSIZE",
    [91] = "EPROTOTYPE",
    [92] = "ENOPROTOOPT",
    [93] = "EPROTONOSUPPORT",
    [94] = "ESOCKTNOSUPPORT",
    [95] = "EOPNOTSUPP",
    [96] = "EPFNOSUPPORT",
    [97] = "EAFNOSUPPORT",
    [98] = "EADDRINUSE",
    [99] = "EADDRNOTAVAIL",
    [100] = "ENETDOWN",
    [101] = "ENETUNREACH",
    [102] = "ENETRESET",
    [103] = "ECONNABORTED",
    [104] = "ECONNRESET",
    [105] = "ENOBUFS",
    [106] = "EISCONN",
    [107] = "ENOTCONN",
    [108] = "ESHUTDOWN",
    [109] = "ETOOMANYREFS",
    [110] = "ETIMEDOUT",
    [111] = "ECONNREFUSED",
    [112] = "EHOSTDOWN",
    [113] = "EHOSTUNREACH",
    [114] = "EALREADY",
    [115] = "EINPROGRESS",
    [116] = "ESTALE",
    [117] = "EUCLEAN",
    [118] = "ENOTNAM",
    [119] = "ENAVAIL",
    [120] = "EISNAM",
    [121] = "EREMOTEIO",
    [122] = "EDQUOT",
    [123] = "ENOMEDIUM",
    [124] = "EMEDIUMTYPE",
    [125] = "ECANCELED",
    [126] = "ENOKEY",
    [127] = "EKEYEXPIRED",
    [128] = "EKEYREVOKED",
    [129] = "EKEYREJECTED",
    [130] = "EOWNERDEAD",
    [131] = "ENOTRECOVERABLE",
    [132] = "ERFKILL",
};
/* Errors that programs never see. */
static const struct {
    int number;
    const char *name;
} inner_errors[] = {
    {512, "ERESTARTSYS"},           {513, "ERESTARTNOINTR"}, {514, "ERESTARTNOHAND"}, {515, "ENOIOCTLCMD"},
    {516, "ERESTART_RESTARTBLOCK"}, {517, "EPROBE_DEFER"},   {524, "ENOTSUPP"},
};

const char *linux_error_name(int64_t result)
{
    int64_t e = -result;
    if (e <= 0)
        return NULL;
    if (e < (int64_t)(sizeof errors / sizeof errors[0]))
        return errors[e];
    for (size_t i = 0; i < sizeof inner_errors / sizeof inner_errors[0]; i++)
        if (inner_errors[i].number == e)
            return inner_errors[i].name;
    return NULL;
}

/* ---------------------------------------------------------------- calls */

struct linux_call {
    const char *name, *args;
};
#define SYSCALL(number, name, args) [number] = {#name, args},
static const struct linux_call calls_64[] = {
#include "core/ground/linux_calls_x86_64.def"
};
static const struct linux_call calls_i386[] = {
#include "core/ground/linux_calls_i386.def"
};
/* The same numbers as for 64-bit programs, except for a few. */
static const struct linux_call calls_x32[] = {
#include "core/ground/linux_calls_x32.def"
};
#undef SYSCALL
enum { X32_BIT = 0x40000000, X32_FIRST = 512 };

const struct linux_call *linux_call_of(bool i386, uint64_t number)
{
    const struct linux_call *table = i386 ? calls_i386 : calls_64;
    size_t n = i386 ? sizeof calls_i386 / sizeof *table : sizeof calls_64 / sizeof *table;
    if (!i386 && number & X32_BIT) {
        number &= ~(uint64_t)X32_BIT;
        if (number >= X32_FIRST) {
            table = calls_x32;
            n = sizeof calls_x32 / sizeof *table;
        }
    }
    return number < n && table[number].name ? &table[number] : NULL;
}

const char *linux_call_name(const struct linux_call *c)
{
    return c->name;
}

unsigned linux_call_count(const struct linux_call *c)
{
    return (unsigned)strlen(c->args);
}

/* ---------------------------------------------------------------- arguments that are words */

struct words_row {
    const char *call;
    uint8_t argument;
    uint16_t set;
    uint8_t other; /* if it is that word */
    const char *word;
};
static const struct words_row rows[] = {
#define WORDS(call, argument, set)                 {#call, argument, SET_##set, 0, NULL},
#define WORDS_IF(call, argument, set, other, word) {#call, argument, SET_##set, other, word},
#include "core/ground/linux_call_words.def"
#undef WORDS
#undef WORDS_IF
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* The first row of a call, or the end. */
static const struct words_row *rows_of(const char *call)
{
    const size_t low = FIRST_NOT(mid, 0, ROWS, strcmp(rows[mid].call, call) < 0);
    return rows + low;
}

static bool is_row_of(const struct words_row *r, const char *call)
{
    return r < rows + ROWS && !strcmp(r->call, call);
}

/* Whether an argument is that word, by the set that it always is of. */
static bool is_word(const struct words_row *first, const uint64_t *arg, unsigned i, const char *word)
{
    for (const struct words_row *r = first; is_row_of(r, first->call); r++)
        if (r->argument == i && !r->word) {
            const char *name = name_in(&sets[r->set], narrow(arg[i]));
            return name && !strcmp(name, word);
        }
    return false;
}

/* The set that an argument is of; NULL if it is a plain number. */
static const struct set *set_of(const struct linux_call *c, unsigned i, const uint64_t *arg)
{
    const struct words_row *first = rows_of(c->name);
    for (const struct words_row *r = first; is_row_of(r, c->name); r++)
        if (r->argument == i && (!r->word || is_word(first, arg, r->other, r->word)))
            return &sets[r->set];
    return NULL;
}

/* ---------------------------------------------------------------- memory */

enum { SHOWN = 64, STRING_SHOWN = 255, TEXTS_SHOWN = 8, PAGE = 4096 };

static bool read_bytes(const struct linux_memory *m, uint64_t at, void *buf, size_t n)
{
    for (size_t done = 0, part; done < n; done += part) {
        part = PAGE - (at + done) % PAGE;
        part = part < n - done ? part : n - done;
        if (!m->read(m->ctx, at + done, (char *)buf + done, part))
            return false;
    }
    return true;
}

static void add_address(struct text *t, uint64_t at)
{
    text_add(t, at ? "0x%llx" : "NULL", (unsigned long long)at);
}

/* Reads up to `size` bytes or a NUL; how many before it, -1 if nothing can be read. */
static int read_string(const struct linux_memory *m, uint64_t at, char *s, size_t size)
{
    size_t n = 0;
    while (n < size) {
        size_t part = PAGE - (at + n) % PAGE;
        part = part < size - n ? part : size - n;
        if (!m->read(m->ctx, at + n, s + n, part))
            return n ? (int)n : -1;
        const char *end = memchr(s + n, 0, part);
        if (end)
            return (int)(end - s);
        n += part;
    }
    return (int)n;
}

/* A text, or its address if it cannot be read (its page has not been loaded yet): then false. */
static bool add_string(struct text *t, const struct linux_memory *m, uint64_t at)
{
    char s[STRING_SHOWN];
    const int n = at ? read_string(m, at, s, sizeof s) : -1;
    if (n >= 0)
        text_add_bytes(t, (const uint8_t *)s, (size_t)n, n == STRING_SHOWN);
    else
        add_address(t, at);
    return n >= 0 || !at;
}

static void add_buffer(struct text *t, const struct linux_memory *m, uint64_t at, uint64_t n)
{
    uint8_t bytes[SHOWN];
    const size_t shown = n < SHOWN ? n : SHOWN;
    if (at && read_bytes(m, at, bytes, shown))
        text_add_bytes(t, bytes, shown, n > shown);
    else
        add_address(t, at);
}

static void add_texts(struct text *t, const struct linux_memory *m, uint64_t at)
{
    uint64_t s = 0;
    text_add(t, "[");
    for (unsigned i = 0; i < TEXTS_SHOWN && read_bytes(m, at + m->word * i, &s, m->word) && s; i++) {
        text_add(t, i ? ", " : "");
        add_string(t, m, s);
    }
    text_add(t, s ? ", ...]" : "]");
}

/* ---------------------------------------------------------------- arguments */

static void add_folder(struct text *t, uint64_t v)
{
    enum { FDCWD = -100 };
    if ((int32_t)v == FDCWD)
        text_add(t, "AT_FDCWD");
    else
        text_add(t, "%d", (int32_t)v);
}

/* Letters whose values are words. */
static const struct {
    char letter;
    uint16_t set;
} lettered[] = {{'o', SET_open}, {'P', SET_protection}, {'M', SET_mmap}};

/* False if it is a text that cannot be read yet. */
static bool add_plain(struct text *t, char letter, const uint64_t *a, const struct linux_memory *m)
{
    for (size_t i = 0; i < sizeof lettered / sizeof lettered[0]; i++)
        if (lettered[i].letter == letter) {
            add_word(t, &sets[lettered[i].set], *a);
            return true;
        }
    switch (letter) {
    case 'l':
        text_add(t, "%lld", m->word == 8 ? (long long)*a : (int32_t)*a);
        break;
    case 'd':
    case 'f':
        text_add(t, "%d", (int32_t)*a);
        break;
    case 'u':
    case 'z':
        text_add(t, "%llu", (unsigned long long)*a);
        break;
    case 'm':
        text_add(t, "0%llo", (unsigned long long)(*a & 0xffff));
        break;
    case 'A':
        add_folder(t, *a);
        break;
    case 's':
        return add_string(t, m, *a);
    case 'b':
        add_buffer(t, m, a[0], a[1]);
        break;
    case 'a':
        add_texts(t, m, *a);
        break;
    case 'C':
        linux_add_clone(t, *a);
        break;
    case 'G':
        linux_add_signal(t, *a);
        break;
    default:
        text_add(t, *a || letter != 'p' ? "0x%llx" : "NULL", (unsigned long long)*a);
        break;
    }
    return true;
}

/* An open that creates nothing has no mode argument. */
static bool no_mode(const char *letter, const uint64_t *a)
{
    return letter[0] == 'm' && letter[-1] == 'o' && !(a[-1] & 0x40) && (a[-1] & 0x410000) != 0x410000;
}

bool linux_call_add(struct text *t, const struct linux_call *c, uint64_t number, const uint64_t *arg,
                    const struct linux_memory *m)
{
    bool whole = true;
    const char *args = c ? c->args : "xxxxxx";
    if (c)
        text_add(t, "%s(", c->name);
    else
        text_add(t, "syscall_%llu(", (unsigned long long)number);
    for (unsigned i = 0; args[i]; i++) {
        const struct set *s = c ? set_of(c, i, arg) : NULL;
        if (i && no_mode(args + i, arg + i))
            continue;
        text_add(t, i ? ", " : "");
        if (s)
            add_word(t, s, arg[i]);
        else
            whole &= add_plain(t, args[i], arg + i, m);
    }
    text_add(t, ")");
    return whole;
}
