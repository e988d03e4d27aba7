/* reader_records.c - inputs and notes of a trace. */
#include "traces/reader.h"

static void record_input(struct view *v, struct record *r, const struct record *last)
{
    uint64_t before = last ? last->icount : 0;
    r->icount = before + view_varint(v);
    r->time = (last ? last->time : 0) + unzigzag(view_varint(v));
    r->port = (uint16_t)view_number(v, UINT16_MAX);
    r->len = (uint32_t)view_number(v, TRACE_MAX_INPUT);
    r->data = view_take(v, r->len);
    v->bad = v->bad || r->icount < before;
}

static void record_note(struct view *v, struct record *r, const struct record *last)
{
    r->icount = view_varint(v);
    r->time = view_varint(v);
    r->type = view_string(v, MAX_STRING);
    r->name = view_string(v, MAX_STRING);
    r->len = (uint32_t)view_number(v, TRACE_MAX_NOTE);
    r->data = view_take(v, r->len);
}

void records_free(struct record_frame *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->record[i].type);
        free(r->record[i].name);
    }
    free(r->record);
    free(r->raw);
    *r = (struct record_frame){0};
}

/* Whether the lowest and highest positions of the records are those that the header gives. */
static bool records_agree(const struct record_frame *r, const struct trace_frame *f)
{
    uint64_t first = UINT64_MAX, last = 0;
    for (size_t i = 0; i < r->n; i++) {
        first = r->record[i].icount < first ? r->record[i].icount : first;
        last = r->record[i].icount > last ? r->record[i].icount : last;
    }
    return first == f->first_icount && last == f->last_icount;
}

int records_load(struct trace *t, size_t frame, struct record_frame *r, struct error *err)
{
    const struct trace_frame *f = &t->frame[frame].info;
    *r = (struct record_frame){.raw = frame_unpack(t, frame, err), .frame = frame};
    if (!r->raw)
        return -1;
    struct view v = view_of(r->raw, f->raw);
    r->record = mem_zero(f->items, sizeof r->record[0]);
    for (; r->n < f->items && !v.bad; r->n++) {
        struct record *last = r->n ? &r->record[r->n - 1] : NULL;
        (f->kind == TF_INPUT ? record_input : record_note)(&v, &r->record[r->n], last);
    }
    if (!v.bad && !view_left(&v) && records_agree(r, f))
        return 0;
    records_free(r);
    return frame_error(t, frame, err, "its records do not add up");
}

const struct record *record_get(struct trace *t, enum trace_frame_kind kind, struct record_frame *r,
                                uint64_t i, struct error *err)
{
    const struct frame_list *list = &t->list[kind];
    if (i >= list->items) {
        error_set(err, "%s: there is no %s number %llu", t->name, trace_frame_kind_name(kind),
                  (unsigned long long)i);
        return NULL;
    }
    size_t frame = list->frame[frame_list_find(t, list, i)];
    if (!r->raw || r->frame != frame) {
        records_free(r);
        if (records_load(t, frame, r, err))
            return NULL;
    }
    return &r->record[i - t->frame[frame].info.first];
}

uint64_t trace_input_count(const struct trace *t)
{
    return t->list[TF_INPUT].items;
}

int trace_input(struct trace *t, uint64_t i, struct input *in, struct error *err)
{
    const struct record *r = record_get(t, TF_INPUT, &t->input, i, err);
    if (!r)
        return -1;
    *in = (struct input){r->icount, r->time, r->port, r->data, r->len};
    return 0;
}

uint64_t trace_note_count(const struct trace *t)
{
    return t->list[TF_NOTE].items;
}

int trace_note(struct trace *t, uint64_t i, struct trace_note *note, struct error *err)
{
    const struct record *r = record_get(t, TF_NOTE, &t->note, i, err);
    if (!r)
        return -1;
    *note = (struct trace_note){r->icount, r->time, r->type, r->name, r->data, r->len};
    return 0;
}
