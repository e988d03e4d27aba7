/* eval.c - computes a probe's body. See private/eval.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/ask/private/eval.h"

enum { DEEP = 400, TEXT_SHOWN = 64 };

/* ---------------------------------------------------------------- memory and errors */

void *ask_room(struct ask_eval *e, size_t n)
{
    char *m = mem_zero(1, n ? n : 1);
    MEM_MORE(e->owned, e->nowned);
    e->owned[e->nowned++] = m;
    return m;
}

struct ask_value ask_text_value(struct ask_eval *e, const char *s, size_t n)
{
    char *own = ask_room(e, n + 1);
    memcpy(own, s, n);
    return (struct ask_value){.kind = V_TEXT, .s = own, .length = n};
}

struct ask_value ask_take_text(struct ask_eval *e, struct text *t)
{
    const struct ask_value v = ask_text_value(e, t->s ? t->s : "", t->n);
    free(t->s);
    *t = (struct text){0};
    return v;
}

struct ask_value ask_fail(struct ask_eval *e, const struct ask_node *n, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    if (e->failed)
        return ask_number(0, true);
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ask_wrong_at(&e->error, e->p, n, "%s", text);
    e->failed = true;
    return ask_number(0, true);
}

/* ---------------------------------------------------------------- the guest's data */

static struct ask_value typed(const struct ask_type *t, uint64_t v)
{
    const unsigned size = t->is.size && t->is.size < 8 ? (unsigned)t->is.size : 8, shift = 64 - 8 * size;
    const bool is_signed = t->is.is_signed && t->is.kind != TREE_POINTER;
    v = is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
    return (struct ask_value){
        .kind = V_NUMBER, .n = v, .is_signed = is_signed, .type = t->is.kind == TREE_POINTER ? t : NULL};
}

/* An array of characters is a text. */
static bool is_letters(struct ask_eval *e, const struct ask_type *t)
{
    return t->is.kind == TREE_ARRAY && ask_type_to(e->types, t)->is.is_char;
}

static struct ask_value load_letters(struct ask_eval *e, const struct ask_type *t, uint64_t address)
{
    enum { MOST = 4096 };
    char buf[MOST];
    const size_t want = t->is.size && t->is.size < MOST ? (size_t)t->is.size : MOST;
    const size_t n = e->world->read(e->ctx, address, buf, want);
    return ask_text_value(e, buf, strnlen(buf, n));
}

struct ask_value ask_load(struct ask_eval *e, const struct ask_node *n, const struct ask_type *t,
                          uint64_t address)
{
    uint64_t v = 0;
    if (is_letters(e, t))
        return load_letters(e, t, address);
    if (ask_is_record(t))
        return (struct ask_value){.kind = V_RECORD, .n = address, .type = t};
    if (!t->is.size || t->is.size > 8)
        return ask_fail(e, n, "a value of this type cannot be read: its size is not known");
    e->world->read(e->ctx, address, &v, (size_t)t->is.size);
    return typed(t, v);
}

static struct ask_value load_bits(struct ask_eval *e, const struct ask_member *m, uint64_t address)
{
    uint64_t low = 0, high = 0;
    const uint64_t at = address + m->offset / 8;
    const unsigned shift = m->offset % 8;
    e->world->read(e->ctx, at, &low, 8);
    if (shift + m->bits > 64)
        e->world->read(e->ctx, at + 8, &high, 1);
    uint64_t v = low >> shift | (shift ? high << (64 - shift) : 0);
    const unsigned drop = 64 - m->bits;
    v = m->type->is.is_signed ? (uint64_t)((int64_t)(v << drop) >> drop) : v << drop >> drop;
    return ask_number(v, m->type->is.is_signed);
}

/* ---------------------------------------------------------------- members */

static struct ask_value member_of(struct ask_eval *e, const struct ask_node *n, const struct ask_type *t,
                                  uint64_t address)
{
    struct ask_member m;
    char name[ASK_TYPE_TEXT];
    if (t->is.kind == TREE_UNKNOWN)
        return ask_fail(e, n, "%s is not known: this kernel has no such type, or declare it in the program",
                        ask_type_text(e->types, t, name));
    if (t->is.kind != TREE_STRUCT && t->is.kind != TREE_UNION)
        return ask_fail(e, n, "%s is no structure, so it has no member %s", ask_type_text(e->types, t, name),
                        n->text);
    if (!ask_type_member(e->types, t, n->text, &m))
        return ask_fail(e, n, "%s has no member %s", ask_type_text(e->types, t, name), n->text);
    if (m.bits)
        return load_bits(e, &m, address);
    return ask_load(e, n, m.type, address + m.offset / 8);
}

static struct ask_value argument(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_value v;
    if (e->world->argument(e->ctx, n->text, &v))
        return v;
    return ask_fail(e, n, "%s has no argument %s: bootreel trace TRACE -l '%s' lists those that are known",
                    e->now->place->text, n->text, e->now->place->text);
}

static struct ask_value member(struct ask_eval *e, const struct ask_node *n)
{
    if (n->a->kind == N_ARGS)
        return argument(e, n);
    const struct ask_value v = ask_value_of(e, n->a);
    if (e->failed)
        return v;
    if (v.kind == V_RECORD)
        return member_of(e, n, v.type, v.n);
    if (v.kind == V_NUMBER && v.type && v.type->is.kind == TREE_POINTER)
        return member_of(e, n, ask_type_to(e->types, v.type), v.n);
    return ask_fail(e, n,
                    "what is before .%s is no structure: cast it, as in ((struct task_struct *)arg0)->pid",
                    n->text);
}

static struct ask_value element(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value v = ask_value_of(e, n->a), i = ask_value_of(e, n->b);
    if (e->failed)
        return v;
    const bool pointer = v.kind == V_NUMBER && v.type && v.type->is.kind == TREE_POINTER;
    if (v.kind == V_TEXT && i.kind == V_NUMBER)
        return ask_number(i.n < v.length ? (unsigned char)v.s[i.n] : 0, false);
    if (v.kind == V_TUPLE && i.kind == V_NUMBER)
        return i.n < v.length ? v.item[i.n] : ask_fail(e, n, "the tuple has %zu items", v.length);
    if (i.kind != V_NUMBER || (!pointer && !(v.kind == V_RECORD && v.type->is.kind == TREE_ARRAY)))
        return ask_fail(e, n, "what is before [ is no array and no pointer");
    if (v.kind == V_RECORD && v.type->is.count && i.n >= v.type->is.count)
        return ask_fail(e, n, "the array has %llu elements, and this is number %llu",
                        (unsigned long long)v.type->is.count, (unsigned long long)i.n);
    const struct ask_type *of = ask_type_to(e->types, v.type);
    return ask_load(e, n, of, v.n + i.n * of->is.size);
}

static struct ask_value item(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value v = ask_value_of(e, n->a);
    if (v.kind != V_TUPLE)
        return ask_fail(e, n, "what is before .%llu is no tuple", (unsigned long long)n->number);
    return n->number < v.length ? v.item[n->number]
                                : ask_fail(e, n, "the tuple has %zu items, from .0 on", v.length);
}

/* ---------------------------------------------------------------- operators */

static struct ask_value pointed(struct ask_eval *e, const struct ask_node *n, const struct ask_value *v)
{
    if (v->kind == V_RECORD && v->type->is.kind != TREE_ARRAY)
        return *v; /* of a structure: it is where it is */
    if (v->kind != V_NUMBER && v->kind != V_RECORD)
        return ask_fail(e, n, "* wants a pointer");
    const struct ask_type *t = v->type ? ask_type_to(e->types, v->type) : ask_type_int(e->types, 8, false);
    return ask_load(e, n, t->is.kind == TREE_VOID ? ask_type_int(e->types, 8, false) : t, v->n);
}

static struct ask_value unary(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value v = ask_value_of(e, n->a);
    if (n->op == '*')
        return e->failed ? v : pointed(e, n, &v);
    if (n->op == '!')
        return ask_number(!ask_truth(&v), true);
    if (n->op == '&')
        return v.kind == V_RECORD ? ask_number(v.n, false)
                                  : ask_fail(e, n, "& is for structures and arrays in the guest's memory");
    if (v.kind != V_NUMBER)
        return ask_fail(e, n, "%c wants a number", n->op);
    return n->op == '-' ? ask_number(-v.n, true) : n->op == '~' ? ask_number(~v.n, v.is_signed) : v;
}

static struct ask_value divide(struct ask_eval *e, const struct ask_node *n, uint64_t a, uint64_t b,
                               bool is_signed)
{
    const bool rest = n->op == '%';
    if (!b) /* as the instructions of BPF have it */
        return ask_number(rest ? a : 0, is_signed);
    if (!is_signed)
        return ask_number(rest ? a % b : a / b, false);
    if ((int64_t)b == -1)
        return ask_number(rest ? 0 : -a, true);
    return ask_number((uint64_t)(rest ? (int64_t)a % (int64_t)b : (int64_t)a / (int64_t)b), true);
}

static uint64_t shift(uint64_t a, uint64_t by, int op, bool is_signed)
{
    by &= 63;
    return op == T_LEFT ? a << by : is_signed ? (uint64_t)((int64_t)a >> by) : a >> by;
}

static struct ask_value compute(struct ask_eval *e, const struct ask_node *n, int op,
                                const struct ask_value *x, const struct ask_value *y)
{
    const bool is_signed = x->is_signed && y->is_signed;
    uint64_t a = x->n, b = y->n;
    /* As in C, a pointer moves by what it points to. */
    const bool pointer = x->type && x->type->is.kind == TREE_POINTER && !y->type && (op == '+' || op == '-');
    if (pointer) {
        const uint64_t size = ask_type_to(e->types, x->type)->is.size;
        b *= size ? size : 1;
    }
    struct ask_value v = ask_number(0, is_signed);
    v.type = pointer ? x->type : NULL;
    switch (op) {
    case '+':
        v.n = a + b;
        return v;
    case '-':
        v.n = a - b;
        return v;
    case '*':
        v.n = a * b;
        return v;
    case '/':
    case '%':
        return divide(e, n, a, b, is_signed);
    case '&':
        v.n = a & b;
        return v;
    case '|':
        v.n = a | b;
        return v;
    case '^':
        v.n = a ^ b;
        return v;
    default:
        v.is_signed = x->is_signed;
        v.n = shift(a, b, op, x->is_signed);
        return v;
    }
}

static struct ask_value compared(struct ask_eval *e, const struct ask_node *n, const struct ask_value *a,
                                 const struct ask_value *b)
{
    const bool texts = (a->kind == V_TEXT || a->kind == V_BYTES) && (b->kind == V_TEXT || b->kind == V_BYTES);
    const bool numbers =
        (a->kind == V_NUMBER || a->kind == V_RECORD) && (b->kind == V_NUMBER || b->kind == V_RECORD);
    struct ask_value x = *a, y = *b;
    if (a->kind == V_NONE || b->kind == V_NONE) { /* a map's value that is not there: 0, or an empty text */
        const struct ask_value *other = a->kind == V_NONE ? b : a;
        const bool zero = !ask_truth(other);
        return ask_number(n->op == T_EQ ? zero
                          : n->op == T_NE
                              ? !zero
                              : ask_truth(other) == (a->kind == V_NONE) && (n->op == '<' || n->op == T_LE),
                          true);
    }
    if (!texts && !numbers && !(a->kind == V_TUPLE && b->kind == V_TUPLE))
        return ask_fail(e, n, "a text and a number are compared");
    if (numbers)
        x.kind = y.kind = V_NUMBER;
    if (texts)
        x.kind = y.kind = V_TEXT;
    const int order = ask_compare(&x, &y);
    switch (n->op) {
    case T_EQ:
        return ask_number(!order, true);
    case T_NE:
        return ask_number(!!order, true);
    case '<':
        return ask_number(order < 0, true);
    case '>':
        return ask_number(order > 0, true);
    case T_LE:
        return ask_number(order <= 0, true);
    default:
        return ask_number(order >= 0, true);
    }
}

static bool is_comparison(int op)
{
    return op == T_EQ || op == T_NE || op == '<' || op == '>' || op == T_LE || op == T_GE;
}

static struct ask_value numeric(struct ask_value v)
{
    if (v.kind == V_NONE)
        return ask_number(0, true);
    if (v.kind == V_RECORD)
        v.kind = V_NUMBER;
    return v;
}

static struct ask_value binary(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_value a = ask_value_of(e, n->a), b;
    if (n->op == T_AND || n->op == T_OR) {
        if (ask_truth(&a) == (n->op == T_OR))
            return ask_number(n->op == T_OR, true);
        b = ask_value_of(e, n->b);
        return ask_number(ask_truth(&b), true);
    }
    b = ask_value_of(e, n->b);
    if (e->failed)
        return a;
    if (is_comparison(n->op))
        return compared(e, n, &a, &b);
    a = numeric(a);
    b = numeric(b);
    if (a.kind != V_NUMBER || b.kind != V_NUMBER)
        return ask_fail(e, n, "this operator is for numbers, and there is a %s",
                        a.kind == V_TUPLE || b.kind == V_TUPLE ? "tuple" : "text");
    return compute(e, n, n->op, &a, &b);
}

/* ---------------------------------------------------------------- casts */

static const struct ask_type *written(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_type *t = ask_type_written(e->types, &n->type);
    static const char *const before[] = {
        [BASE_STRUCT] = "struct ", [BASE_UNION] = "union ", [BASE_ENUM] = "enum "};
    const bool word = n->type.base == BASE_STRUCT || n->type.base == BASE_UNION || n->type.base == BASE_ENUM;
    if (!t)
        ask_fail(e, n, "%s%s is not known: this kernel has no such type, or declare it in the program",
                 word ? before[n->type.base] : "", n->type.name ? n->type.name : "?");
    return t;
}

static struct ask_value cast(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value v = ask_value_of(e, n->a);
    const struct ask_type *t = e->failed ? NULL : written(e, n);
    if (!t)
        return ask_number(0, true);
    if (v.kind == V_TEXT && is_letters(e, t))
        return v;
    if (v.kind != V_NUMBER && v.kind != V_RECORD && v.kind != V_NONE)
        return ask_fail(e, n, "only numbers and records can be cast");
    if (ask_is_record(t))
        return (struct ask_value){.kind = V_RECORD, .n = v.n, .type = t};
    return typed(t, v.n);
}

static struct ask_value size_of(struct ask_eval *e, const struct ask_node *n)
{
    if (n->a) {
        const struct ask_value v = ask_value_of(e, n->a);
        return ask_number(v.type && v.kind == V_RECORD            ? v.type->is.size
                          : v.kind == V_TEXT || v.kind == V_BYTES ? v.length
                                                                  : 8,
                          false);
    }
    const struct ask_type *t = written(e, n);
    return ask_number(t ? t->is.size : 0, false);
}

static struct ask_value offset_of(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_member m;
    char name[ASK_TYPE_TEXT];
    const struct ask_type *t = written(e, n);
    if (t && !ask_type_member(e->types, t, n->text, &m))
        return ask_fail(e, n, "%s has no member %s", ask_type_text(e->types, t, name), n->text);
    return ask_number(t ? m.offset / 8 : 0, false);
}

/* ---------------------------------------------------------------- words */

static struct ask_value guest_word(struct ask_eval *e, const struct ask_node *n)
{
    int64_t value;
    uint64_t address;
    const struct ask_type *type;
    for (size_t i = 0; i < e->p->nconstants; i++)
        if (!strcmp(e->p->constant[i].name, n->text))
            return ask_number((uint64_t)e->p->constant[i].value, true);
    if (ask_header_constant(n->text, &value))
        return ask_number((uint64_t)value, true);
    if (e->world->variable(e->ctx, n->text, &address, &type))
        return type ? ask_load(e, n, type, address) : ask_number(address, true);
    return ask_fail(
        e, n,
        "%s is no builtin, no constant and no variable of a known type: docs/trace.md lists the builtins",
        n->text);
}

static struct ask_value task_word(struct ask_eval *e, int id)
{
    struct ask_task t = {0};
    e->world->task(e->ctx, &t);
    if (id == W_COMM)
        return ask_text_value(e, t.comm, strnlen(t.comm, sizeof t.comm));
    if (id == W_CURTASK)
        return ask_number(t.address, false);
    return ask_number(id == W_PID ? t.pid : t.tid, false);
}

static struct ask_value text_word(struct ask_eval *e, int id)
{
    struct text t = {0};
    switch (id) {
    case W_STAGE:
        e->world->stage(e->ctx, &t);
        break;
    case W_CALLER:
        e->world->caller(e->ctx, &t);
        break;
    case W_FUNC:
        if (e->now->function)
            return ask_text_value(e, e->now->function, strlen(e->now->function));
        uint64_t pc = 0;
        e->world->reg(e->ctx, "ip", &pc);
        e->world->symbol(e->ctx, pc, false, false, &t);
        break;
    case W_PROBE:
        text_add(&t, "%s", e->now->probe ? e->now->probe : e->now->place->text);
        break;
    default:
        e->world->stack(e->ctx, id == W_USTACK, 127, "bpftrace", &t);
    }
    return ask_take_text(e, &t);
}

static struct ask_value word(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_value v;
    uint64_t number = 0;
    switch (n->id) {
    case -1:
        return guest_word(e, n);
    case W_PID:
    case W_TID:
    case W_COMM:
    case W_CURTASK:
        return task_word(e, n->id);
    case W_UID:
    case W_GID:
        return e->world->id(e->ctx, n->id == W_GID, &number)
                   ? ask_number(number, false)
                   : ask_fail(e, n, "%s is not known: this kernel has no types", n->text);
    case W_CPU:
        return ask_number(e->now->cpu, false);
    case W_NSECS:
    case W_ELAPSED:
        return ask_number(e->now->time, false);
    case W_ICOUNT:
        return ask_number(e->now->icount, false);
    case W_GUEST:
        return ask_number(e->now->guest, false);
    case W_RETVAL:
        return e->world->result(e->ctx, &v) ? v : ask_fail(e, n, "retval is for kretprobe and uretprobe");
    default:
        if (n->id >= W_ARG0 && n->id <= W_ARG9)
            return e->world->numbered(e->ctx, (unsigned)n->id - W_ARG0, &v)
                       ? v
                       : ask_fail(e, n, "%s: this probe has no arguments by number", n->text);
        return text_word(e, n->id);
    }
}

/* ---------------------------------------------------------------- maps and locals */

struct ask_value ask_as_key(struct ask_value v)
{
    return v.kind == V_NONE ? ask_number(0, true) : v.kind == V_RECORD ? ask_number(v.n, false) : v;
}

struct ask_cell *ask_cell_of(struct ask_eval *e, const struct ask_node *n, bool make)
{
    struct ask_map *m = &e->maps[n->slot];
    struct ask_value keys[8], *key = n->n <= 8 ? keys : ask_room(e, n->n * sizeof *key);
    for (size_t i = 0; i < n->n; i++)
        key[i] = ask_as_key(ask_value_of(e, n->list[i]));
    if (n->n < m->nkeys && !e->failed) { /* a tuple of them */
        if (n->n != 1 || key->kind != V_TUPLE || key->length != m->nkeys)
            ask_fail(e, n, "%s has %zu keys: give a tuple of them", m->info->name, m->nkeys);
        key = key->item;
    }
    return e->failed ? NULL : ask_map_cell(m, key, make);
}

/* A copy that lives as long as the firing, whatever becomes of the map. */
struct ask_value ask_borrowed(struct ask_eval *e, const struct ask_value *v)
{
    struct ask_value c = *v;
    if (v->kind == V_TEXT || v->kind == V_BYTES)
        c.s = ask_text_value(e, v->s, v->length).s;
    if (v->kind == V_TUPLE) {
        c.item = ask_room(e, (v->length + 1) * sizeof *c.item);
        for (size_t i = 0; i < v->length; i++)
            c.item[i] = ask_borrowed(e, &v->item[i]);
    }
    return c;
}

static struct ask_value map_value(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_cell *c = ask_cell_of(e, n, false);
    if (!c)
        return (struct ask_value){.kind = V_NONE};
    const struct ask_value v = ask_cell_value(&e->maps[n->slot], c);
    return ask_borrowed(e, &v);
}

static struct ask_value step(struct ask_eval *e, const struct ask_node *n)
{
    const uint64_t by = n->op == '+' ? 1 : (uint64_t)-1;
    struct ask_value *to = NULL;
    if (n->a->kind == N_LOCAL) {
        to = &e->local[n->a->slot];
    } else {
        struct ask_cell *c = ask_cell_of(e, n->a, true);
        if (!c)
            return ask_number(0, true);
        to = &c->value;
    }
    if (to->kind == V_NONE)
        *to = ask_number(0, true);
    if (to->kind != V_NUMBER)
        return ask_fail(e, n, "++ and -- are for numbers");
    const struct ask_value before = *to;
    to->n += by;
    return n->number ? before : *to;
}

/* ---------------------------------------------------------------- all values */

static struct ask_value tuple(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_value v = {.kind = V_TUPLE, .length = n->n, .item = ask_room(e, (n->n + 1) * sizeof *v.item)};
    for (size_t i = 0; i < n->n; i++)
        v.item[i] = ask_value_of(e, n->list[i]);
    return v;
}

static struct ask_value value_of(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_value v;
    switch (n->kind) {
    case N_INTEGER:
        return ask_number(n->number, true);
    case N_STRING:
        return (struct ask_value){.kind = V_TEXT, .s = n->text, .length = n->ntext};
    case N_LOCAL:
        return e->local[n->slot];
    case N_MAP:
        return map_value(e, n);
    case N_WORD:
        return word(e, n);
    case N_CALL:
        return ask_call(e, n);
    case N_UNARY:
        return unary(e, n);
    case N_BINARY:
        return binary(e, n);
    case N_CHOICE:
        v = ask_value_of(e, n->a);
        return ask_value_of(e, ask_truth(&v) ? n->b : n->c);
    case N_MEMBER:
        return member(e, n);
    case N_ITEM:
        return item(e, n);
    case N_INDEX:
        return element(e, n);
    case N_CAST:
        return cast(e, n);
    case N_SIZEOF:
        return size_of(e, n);
    case N_OFFSETOF:
        return offset_of(e, n);
    case N_TUPLE:
        return tuple(e, n);
    case N_STEP:
        return step(e, n);
    case N_ARGS:
        return ask_fail(e, n, "args as a whole is no value: write args.NAME");
    default:
        return ask_fail(e, n, "this is no value");
    }
}

struct ask_value ask_value_of(struct ask_eval *e, const struct ask_node *n)
{
    if (e->failed)
        return ask_number(0, true);
    if (e->depth > DEEP)
        return ask_fail(e, n, "the expression is too deep");
    if (++e->steps > ASK_VALUES_MOST)
        return ask_fail(e, n, "one firing has computed for too long: %d values", ASK_VALUES_MOST);
    e->depth++;
    const struct ask_value v = value_of(e, n);
    e->depth--;
    return v;
}

/* ---------------------------------------------------------------- statements */

static void aggregate(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_map *m = &e->maps[n->a->slot];
    struct ask_value v = n->b->n ? numeric(ask_value_of(e, n->b->list[0])) : ask_number(1, true);
    if (!e->failed && v.kind != V_NUMBER)
        ask_fail(e, n->b, "%s() adds up numbers, and this is a text", n->b->text);
    if (m->info->kind == MAP_LHIST) {
        m->low = (int64_t)n->b->list[1]->number;
        m->high = (int64_t)n->b->list[2]->number;
        m->step = (int64_t)n->b->list[3]->number;
    }
    struct ask_cell *c = ask_cell_of(e, n->a, true);
    if (c)
        ask_map_add(m, c, &v);
}

/* Pointers to a firing's memory do not outlive it. */
static void keep(struct ask_value *to, const struct ask_value *v)
{
    const struct ask_value copy = ask_copy(v);
    ask_forget(to);
    *to = copy;
}

static void assign(struct ask_eval *e, const struct ask_node *n)
{
    if (n->a->kind == N_MAP && n->b->kind == N_CALL && ask_function(n->b->id)->makes != MAP_UNKNOWN) {
        aggregate(e, n);
        return;
    }
    struct ask_value v = ask_value_of(e, n->b);
    if (n->op && !e->failed) {
        struct ask_value was = numeric(ask_value_of(e, n->a));
        v = numeric(v);
        v = was.kind == V_NUMBER && v.kind == V_NUMBER ? compute(e, n, n->op, &was, &v)
                                                       : ask_fail(e, n, "this assignment is for numbers");
    }
    if (e->failed)
        return;
    if (v.kind == V_NONE)
        v = ask_number(0, true);
    if (n->a->kind == N_LOCAL) {
        e->local[n->a->slot] = v;
        return;
    }
    if (v.kind == V_RECORD) {
        ask_fail(e, n->b,
                 "a whole structure or array is not kept in a map: keep a member, or its address by &");
        return;
    }
    struct ask_cell *c = ask_cell_of(e, n->a, true);
    if (c)
        keep(&c->value, &v);
}

void ask_statement(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_value v;
    if (e->failed || e->leaving)
        return;
    switch (n->kind) {
    case N_BLOCK:
        for (size_t i = 0; i < n->n && !e->failed && !e->leaving; i++)
            ask_statement(e, n->list[i]);
        break;
    case N_DO:
        ask_value_of(e, n->a);
        break;
    case N_ASSIGN:
        assign(e, n);
        break;
    case N_IF:
        v = ask_value_of(e, n->a);
        if (ask_truth(&v))
            ask_statement(e, n->b);
        else if (n->c)
            ask_statement(e, n->c);
        break;
    case N_UNROLL:
    case N_WHILE:
        ask_loop(e, n);
        break;
    case N_FOR:
        ask_for(e, n);
        break;
    default:
        e->leaving = (int)n->kind;
    }
}

/* ---------------------------------------------------------------- firings */

void ask_eval_begin(struct ask_eval *e)
{
    e->local = mem_zero(e->p->nlocals + 1, sizeof *e->local);
}

static void forget(struct ask_eval *e)
{
    for (size_t i = 0; i < e->nowned; i++)
        free(e->owned[i]);
    free(e->owned);
    e->owned = NULL;
    e->nowned = 0;
}

void ask_eval_end(struct ask_eval *e)
{
    forget(e);
    free(e->local);
}

static void begin(struct ask_eval *e, const struct ask_firing *f)
{
    e->now = f;
    e->steps = 0;
    e->leaving = 0;
    e->depth = 0;
}

bool ask_holds(struct ask_eval *e, const struct ask_node *n, const struct ask_firing *f)
{
    begin(e, f);
    const struct ask_value v = ask_value_of(e, n);
    const bool holds = !e->failed && ask_truth(&v);
    forget(e);
    return holds;
}

void ask_fire(struct ask_eval *e, const struct ask_probe *probe, const struct ask_firing *f)
{
    if (e->failed || e->exits)
        return;
    begin(e, f);
    memset(e->local, 0, (e->p->nlocals + 1) * sizeof *e->local);
    struct ask_value v = ask_number(1, true);
    if (probe->condition)
        v = ask_value_of(e, probe->condition);
    if (!e->failed && ask_truth(&v))
        ask_statement(e, probe->body);
    if (e->nowned)
        forget(e);
}
