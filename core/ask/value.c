/* value.c - values: compared, copied, shown. See private/value.h. */
#include <inttypes.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/out.h"
#include "core/ask/private/value.h"

bool ask_truth(const struct ask_value *v)
{
    return v->kind == V_NUMBER || v->kind == V_RECORD ? v->n : v->kind != V_NONE && v->length;
}

static int compare_bytes(const struct ask_value *a, const struct ask_value *b)
{
    const size_t n = a->length < b->length ? a->length : b->length;
    const int order = n ? memcmp(a->s, b->s, n) : 0;
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

int ask_compare(const struct ask_value *a, const struct ask_value *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind == V_TEXT || a->kind == V_BYTES)
        return compare_bytes(a, b);
    for (size_t i = 0; a->kind == V_TUPLE && i < a->length && i < b->length; i++) {
        const int order = ask_compare(&a->item[i], &b->item[i]);
        if (order)
            return order;
    }
    if (a->kind == V_TUPLE)
        return (a->length > b->length) - (a->length < b->length);
    return a->is_signed && b->is_signed ? ((int64_t)a->n > (int64_t)b->n) - ((int64_t)a->n < (int64_t)b->n)
                                        : (a->n > b->n) - (a->n < b->n);
}

uint64_t ask_hash(const struct ask_value *v, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) {
        const uint64_t tag = v[i].kind;
        h = XXH3_64bits_withSeed(&tag, sizeof tag, h);
        if (v[i].kind == V_TEXT || v[i].kind == V_BYTES)
            h = XXH3_64bits_withSeed(v[i].s, v[i].length, h);
        else if (v[i].kind == V_TUPLE)
            h = h * 31 + ask_hash(v[i].item, v[i].length);
        else
            h = XXH3_64bits_withSeed(&v[i].n, sizeof v[i].n, h);
    }
    return h;
}

struct ask_value ask_copy(const struct ask_value *v)
{
    struct ask_value c = *v;
    if (v->kind == V_TEXT || v->kind == V_BYTES) {
        char *s = mem_alloc(v->length + 1);
        memcpy(s, v->length ? v->s : "", v->length);
        s[v->length] = 0;
        c.s = s;
    }
    if (v->kind == V_TUPLE) {
        c.item = mem_zero(v->length + 1, sizeof *c.item);
        for (size_t i = 0; i < v->length; i++)
            c.item[i] = ask_copy(&v->item[i]);
    }
    return c;
}

void ask_forget(struct ask_value *v)
{
    for (size_t i = 0; v->kind == V_TUPLE && i < v->length; i++)
        ask_forget(&v->item[i]);
    if (v->kind == V_TUPLE)
        free(v->item);
    if (v->kind == V_TEXT || v->kind == V_BYTES)
        free((char *)v->s);
    *v = (struct ask_value){.kind = V_NONE};
}

/* ---------------------------------------------------------------- in words */

static void show_bytes(struct text *t, const struct ask_value *v)
{
    for (size_t i = 0; i < v->length; i++) {
        const unsigned char c = (unsigned char)v->s[i];
        text_add(t, c >= 0x20 && c < 0x7f && c != '\\' ? "%c" : "\\x%02x", c);
    }
}

static void show(struct text *t, const struct ask_value *v, bool raw)
{
    switch (v->kind) {
    case V_NONE:
        text_add(t, "0");
        break;
    case V_NUMBER:
    case V_RECORD:
        text_add(t, v->is_signed ? "%" PRId64 : "%" PRIu64, v->n);
        break;
    case V_TEXT:
        if (raw)
            text_add(t, "%.*s", (int)v->length, v->s);
        else
            text_escape(t, ESCAPE_LINES, v->s, v->length);
        break;
    case V_BYTES:
        show_bytes(t, v);
        break;
    case V_TUPLE:
        text_add(t, "(");
        for (size_t i = 0; i < v->length; i++) {
            text_add(t, i ? ", " : "");
            show(t, &v->item[i], raw);
        }
        text_add(t, ")");
        break;
    }
}

void ask_show(struct text *t, const struct ask_value *v)
{
    show(t, v, false);
}

void ask_show_raw(struct text *t, const struct ask_value *v)
{
    show(t, v, true);
}
