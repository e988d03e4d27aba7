/* ast.h - a program as a tree, and what the parser and the evaluator share. Private to core/ask/. */
#ifndef BOOTREEL_CORE_ASK_AST_H
#define BOOTREEL_CORE_ASK_AST_H

#include <stdint.h>

#include "core/ask/program.h"

/* ---------------------------------------------------------------- types that a program names */

enum ask_base { BASE_NONE, BASE_VOID, BASE_INT, BASE_STRUCT, BASE_UNION, BASE_ENUM, BASE_NAME };

/* A type as it is written: "struct request *", "uint8[6]". */
struct ask_written {
    enum ask_base base;
    const char *name; /* of the structure, enumeration or typedef */
    unsigned size;    /* BASE_INT: bytes */
    bool is_signed, is_char;
    unsigned pointers;
    uint64_t counts[4]; /* of arrays, the outermost first */
    unsigned ncounts;
};

/* A structure that the program declares. */
struct ask_field {
    const char *name; /* "": its members are the structure's */
    struct ask_written type;
    const struct ask_struct *inner; /* the type, if it is declared in place */
    uint64_t offset;                /* in bits */
    unsigned bits;                  /* a bit-field; otherwise 0 */
};
struct ask_struct {
    const char *name;
    bool is_union;
    uint64_t size; /* bytes */
    unsigned align;
    struct ask_field *field;
    size_t n;
};

/* ---------------------------------------------------------------- nodes */

enum ask_kind {
    /* values */
    N_INTEGER,
    N_STRING,
    N_LOCAL,  /* $x: slot */
    N_MAP,    /* @x, @x[keys]: slot, list */
    N_WORD,   /* a builtin, or a constant of the guest: `id` is the builtin's, or -1 */
    N_ARGS,   /* args */
    N_CALL,   /* `id` is the function's; list: arguments */
    N_UNARY,  /* op, a */
    N_BINARY, /* op, a, b */
    N_CHOICE, /* a ? b : c */
    N_MEMBER, /* a.text, a->text (op) */
    N_ITEM,   /* of a tuple: a.number */
    N_INDEX,  /* a[b] */
    N_CAST,   /* (type)a */
    N_SIZEOF, /* of `type`, or of a */
    N_OFFSETOF,
    N_TUPLE, /* list */
    N_STEP,  /* ++ and --: op '+' or '-', a; number 1: the value is the one before */
    /* statements */
    N_DO,     /* a, for its effect */
    N_ASSIGN, /* a = b; op is that of a compound one, or 0 */
    N_IF,     /* a, list b, list c */
    N_UNROLL, /* a times b */
    N_WHILE,
    N_FOR,   /* a: the local; b; list: the map, or from where and up to where */
    N_BLOCK, /* list */
    N_BREAK,
    N_CONTINUE,
    N_RETURN,
};

struct ask_node {
    enum ask_kind kind;
    unsigned line, column, length; /* in the source */
    int op;                        /* a character, or an enum ask_token */
    int id;
    unsigned slot;
    uint64_t number;
    const char *text;
    size_t ntext;
    struct ask_written type;
    struct ask_node *a, *b, *c;
    struct ask_node **list;
    size_t n;
};

/* ---------------------------------------------------------------- probes */

enum ask_probe_kind {
    P_BEGIN,
    P_END,
    P_KPROBE,
    P_KRETPROBE,
    P_UPROBE,
    P_URETPROBE,
    P_ADDRESS,
    P_FIRMWARE,
    P_LOADER,
    P_XEN,
    P_LINE,
    P_TRACEPOINT,
    P_INTERVAL,
    P_PROFILE,
    P_EVENT,
    P_STAGE,
    P_PROCESS,
    P_WATCHPOINT,
    P_KINDS
};

/* One place of a probe: "kprobe:vfs_*". */
struct ask_place {
    enum ask_probe_kind kind;
    const char *text; /* all of it, as the builtin `probe` has it */
    unsigned line, column, length;
    const char *table; /* a module, program or firmware; NULL: any */
    const char *
        name; /* a function or pattern, an event's kind or filter, a stage, a process, a file, an expression */
    uint64_t number; /* an offset, an address, a line, a number of steps, the length that is watched */
    uint64_t period; /* of time, in ns, times `rate` */
    uint64_t rate;   /* 1, or a frequency: `period` is then that of so many */
    bool ends;       /* stage: its end */
    bool on_read, on_write, on_execute;
};

struct ask_probe {
    struct ask_place *place;
    size_t nplaces;
    struct ask_node *condition; /* NULL: none */
    struct ask_node *body;      /* N_BLOCK */
    bool uses_machine;          /* it looks at registers or memory, or asks for the icount */
    bool uses_process;          /* pid, tid, comm */
};

/* What is put into a map. MAP_VALUE: what is assigned. */
enum ask_map_kind {
    MAP_UNKNOWN,
    MAP_VALUE,
    MAP_COUNT,
    MAP_SUM,
    MAP_MIN,
    MAP_MAX,
    MAP_AVG,
    MAP_STATS,
    MAP_HIST,
    MAP_LHIST
};

struct ask_map_info {
    const char *name; /* "@x" */
    enum ask_map_kind kind;
    const struct ask_node *first; /* where it was first used so */
    bool is_read;                 /* a value of it is used while the boot runs */
    bool is_stepped, is_set;      /* by ++, --, += and -= alone; otherwise */
    size_t nkeys;
    bool keys_known, has_keys; /* how many; that it has some, since a value that may be a tuple is one */
    const struct ask_node *looped,
        *counted; /* where its keys are asked for: by a loop; by len(), has_key() */
};

struct ask_constant {
    const char *name;
    int64_t value;
};

struct ask_program {
    const char *name;
    struct ask_probe *probe;
    size_t nprobes;
    struct ask_map_info *map;
    size_t nmaps;
    const char **local; /* names of $locals, without $ */
    size_t nlocals;
    struct ask_struct **structure;
    size_t nstructures;
    struct ask_constant *constant; /* of enumerations that it declares, and of headers that it includes */
    size_t nconstants;
    bool in_order; /* its firings depend on each other */
    bool emits;
    void **owned; /* memory of all of the above */
    size_t nowned;
};

/* Memory that is freed with the program. */
void *ask_own(struct ask_program *p, size_t n);
char *ask_own_text(struct ask_program *p, const char *text, size_t n);

/* Sets the error; always returns -1. */
__attribute__((format(printf, 5, 6))) int ask_wrong(struct ask_error *err, const char *name, unsigned line,
                                                    unsigned column, const char *fmt, ...);
__attribute__((format(printf, 4, 5))) int ask_wrong_at(struct ask_error *err, const struct ask_program *p,
                                                       const struct ask_node *n, const char *fmt, ...);
/* What is wrong with a place of a probe. */
__attribute__((format(printf, 4, 5))) int ask_wrong_place(struct ask_error *err, const struct ask_program *p,
                                                          const struct ask_place *at, const char *fmt, ...);

/* ---------------------------------------------------------------- words that the language has (core/ask/words.c) */

enum ask_word {
    W_PID,
    W_TID,
    W_COMM,
    W_CPU,
    W_NSECS,
    W_ELAPSED,
    W_ICOUNT,
    W_STAGE,
    W_GUEST,
    W_FUNC,
    W_PROBE,
    W_CALLER,
    W_CURTASK,
    W_KSTACK,
    W_USTACK,
    W_RETVAL,
    W_UID,
    W_GID,
    W_ARG0, /* … */
    W_ARG9 = W_ARG0 + 9,
};
/* The builtin of that name, or -1. */
int ask_word_find(const char *name);
const char *ask_word_name(int id);
enum { NEEDS_MACHINE = 1, NEEDS_PROCESS = 2 };
unsigned ask_word_needs(int id);

enum ask_function {
    F_PRINTF,
    F_PRINT,
    F_CLEAR,
    F_ZERO,
    F_DELETE,
    F_TIME,
    F_EXIT,
    F_JOIN,
    F_STR,
    F_BUF,
    F_KSYM,
    F_USYM,
    F_KADDR,
    F_UADDR,
    F_NTOP,
    F_STRFTIME,
    F_REG,
    F_KSTACK,
    F_USTACK,
    F_STRNCMP,
    F_KPTR,
    F_UPTR,
    F_BSWAP,
    F_MACADDR,
    F_AT,
    F_EMIT,
    F_HAS_KEY,
    F_LEN,
    F_STRCONTAINS,
    F_PERCPU_KADDR,
    F_COUNT,
    F_SUM,
    F_MIN,
    F_MAX,
    F_AVG,
    F_STATS,
    F_HIST,
    F_LHIST,
    F_FUNCTIONS
};
struct ask_function_row {
    const char *name;
    unsigned least, most; /* arguments */
    unsigned needs;
    enum ask_map_kind makes; /* an aggregation; otherwise MAP_UNKNOWN */
};
/* The row of a function; NULL if there is none of that number. */
const struct ask_function_row *ask_function(int id);
int ask_function_find(const char *name);
/* What bpftrace has and this has not: the reason, or NULL if it is unknown to both. */
const char *ask_refused(const char *name);
/* A constant that a kernel's headers define by the preprocessor, which its types do not have. */
bool ask_header_constant(const char *name, int64_t *value);

/* ---------------------------------------------------------------- between parser files */

enum ask_token {
    T_END = 256,
    T_INTEGER,
    T_STRING,
    T_NAME,
    T_LOCAL,
    T_MAP,
    T_ARROW,
    T_RANGE,
    T_INCREMENT,
    T_DECREMENT,
    T_LEFT,
    T_RIGHT,
    T_LE,
    T_GE,
    T_EQ,
    T_NE,
    T_AND,
    T_OR,
    T_ASSIGN_ADD, /* … the compound assignments, in the order of ask_assign_ops */
    T_ASSIGN_SUB,
    T_ASSIGN_MUL,
    T_ASSIGN_DIV,
    T_ASSIGN_MOD,
    T_ASSIGN_AND,
    T_ASSIGN_OR,
    T_ASSIGN_XOR,
    T_ASSIGN_LEFT,
    T_ASSIGN_RIGHT,
    T_END_PREDICATE,
};

struct ask_lexed {
    int kind; /* enum ask_token, or a character */
    const char *text;
    size_t n;
    uint64_t number;
    unsigned line, column, length;
};

struct ask_lexer;
struct ask_lexer *ask_lexer_new(struct ask_program *p, const struct ask_source *source,
                                struct ask_error *err);
void ask_lexer_free(struct ask_lexer *l); /* NULL is allowed */
/* The next token; T_END at the end. -1 with the error. */
int ask_lex(struct ask_lexer *l, struct ask_lexed *t);
/* The place of a probe, as it is written, up to a blank, a comma, a brace or a predicate: T_STRING; ',' '/' '{' for what follows it.
 * -1 with the error. */
int ask_lex_place(struct ask_lexer *l, struct ask_lexed *t);

struct ask_parser {
    struct ask_program *p;
    struct ask_lexer *lex;
    struct ask_error *err;
    struct ask_lexed now, next; /* the token, and the one after it if `ahead` */
    bool ahead;
    unsigned depth;
    unsigned loops; /* around the statement */
};
int ask_take(struct ask_parser *s);                               /* goes to the next token */
int ask_peek(struct ask_parser *s, struct ask_lexed *t);          /* the one after it */
int ask_expect(struct ask_parser *s, int kind, const char *what); /* and goes on */
__attribute__((format(printf, 2, 3))) int ask_bad(struct ask_parser *s, const char *fmt, ...);
struct ask_node *ask_node_new(struct ask_parser *s, enum ask_kind kind);
void ask_append(struct ask_parser *s, struct ask_node *list, struct ask_node *one);
int ask_parse_expression(struct ask_parser *s, struct ask_node **to);
int ask_parse_operand(struct ask_parser *s, struct ask_node **to); /* a $local, a number, (…) */
/* A value alone, "((struct task_struct *)arg0)->pid", whose memory is the program's. -1 with err. */
int ask_parse_value(struct ask_program *p, const char *text, struct ask_node **to, struct ask_error *err);
/* Whether a type begins here; after an opening parenthesis, whether it is a cast. */
bool ask_is_type(const struct ask_lexed *t);
int ask_parse_type(struct ask_parser *s, struct ask_written *w);
int ask_parse_struct(struct ask_parser *s);
int ask_parse_enum(struct ask_parser *s);
int ask_parse_place(struct ask_parser *s, struct ask_place *at);
/* A structure that the program declared; NULL if there is none. */
const struct ask_struct *ask_structure(const struct ask_program *p, const char *name);
/* What the parser leaves: what a map holds, what needs the machine, and whether the order matters. */
int ask_check(struct ask_program *p, struct ask_error *err);

#endif
