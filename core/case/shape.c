/* shape.c - verdicts as people read them: a short headline, and a few lines of evidence, each once and in order of time. */
#include "base/out.h"
#include "core/case/case.h"

enum { LEAST = 80 /* characters of a headline that is cut at the end of a clause */ };

/* ---------------------------------------------------------------- characters */

/* How many characters of UTF-8 there are in n bytes. */
static size_t characters(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n && s[i]; i++)
        count += (s[i] & 0xc0) != 0x80;
    return count;
}

size_t shape_bytes(const char *s, size_t most)
{
    size_t i = 0;
    for (size_t n = 0; s[i]; i++)
        if ((s[i] & 0xc0) != 0x80 && n++ == most)
            break;
    return i;
}

/* ---------------------------------------------------------------- what a long headline can do without */

static void cut_out(char *from, const char *to)
{
    memmove(from, to, strlen(to) + 1);
}

/* The end of an operand in memory, "byte ptr es:[edi]", or of a register; NULL if there is none. */
static char *operand_end(char *s)
{
    static const char *const sizes[] = {"byte ptr ", "word ptr ", "dword ptr ", "qword ptr "};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (!strncmp(s, sizes[i], strlen(sizes[i]))) {
            s += strlen(sizes[i]);
            s = s[0] && s[1] == 's' && s[2] == ':' ? s + 3 : s;
            return *s == '[' && strchr(s, ']') ? strchr(s, ']') + 1 : NULL;
        }
    const size_t n = strspn(s, "abcdelrix");
    return n >= 2 && n <= 3 ? s + n : NULL;
}

/* String instructions have the same operands everywhere: "rep stosb". */
static void without_operands(char *s)
{
    static const char *const names[] = {"movs", "stos", "lods", "scas", "cmps"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (char *p = s; (p = strstr(p, names[i])); p++) {
            char *first = p + strlen(names[i]) + 2, *end;
            if ((p > s && p[-1] != ' ') || !strchr("bwdq", first[-2]) || !first[-2] || first[-1] != ' ' ||
                !(end = operand_end(first)))
                continue;
            char *second = !strncmp(end, ", ", 2) ? operand_end(end + 2) : NULL;
            cut_out(first - 1, second ? second : end);
        }
}

/* "0x100070 (main+0x27 [k.elf])": the name alone says where. The addresses are in the evidence. */
static void without_addresses(char *s)
{
    for (char *p = s; (p = strstr(p, "0x")); p++) {
        const size_t digits = strspn(p + 2, "0123456789abcdef");
        char *open = p + 2 + digits, *close = strchr(open, ')');
        if ((p > s && p[-1] != ' ') || !digits || strncmp(open, " (", 2) || !close)
            continue;
        const size_t name = strcspn(open + 2, " )");
        if (open[2 + name] != ')' && open[2 + name + 1] != '[') /* "the firmware's ROM" is no symbol */
            continue;
        cut_out(close, close + 1);
        cut_out(p, open + 2);
    }
}

/* " [k.elf]" after each of the names: once is enough. */
static void without_repeated_images(char *s)
{
    for (char *p = s; (p = strstr(p, " [")); p++) {
        const char *end = strchr(p, ']');
        char image[60], *again = p + 2;
        if (!end || (size_t)(end - p + 2) > sizeof image)
            continue;
        snprintf(image, sizeof image, "%.*s", (int)(end - p + 1), p);
        while ((again = strstr(again, image)))
            cut_out(again, again + strlen(image));
    }
}

/* In the order in which they are missed least, until it is short enough. */
static void shorten(struct text *t)
{
    static void (*const steps[])(char *) = {without_operands, without_addresses, without_repeated_images};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && characters(t->s, t->n) > WHY_HEADLINE; i++) {
        steps[i](t->s);
        t->n = strlen(t->s);
    }
}

/* ---------------------------------------------------------------- the headline */

/* Where a clause ends: the bytes up to there. The last one that leaves a headline. What is quoted, after a colon, is not taken apart. */
static bool clause_end(const char *s, size_t *end)
{
    static const char *const marks[] = {"; ", ", "};
    const size_t most = shape_bytes(s, WHY_HEADLINE);
    int open = 0;
    *end = 0;
    for (size_t i = 0; i <= most; i++) {
        for (size_t k = 0; k < sizeof marks / sizeof marks[0]; k++)
            if (!open && !strncmp(s + i, marks[k], 2) && characters(s, i) >= LEAST)
                *end = i;
        open += s[i] == '(' ? 1 : s[i] == ')' ? -1 : 0;
    }
    return *end;
}

static void first_line(struct finding *f, const char *text)
{
    if (f->n == FIND_LINES)
        f->n--, free(f->line[f->n].text), free(f->line[f->n].place);
    memmove(f->line + 1, f->line, f->n++ * sizeof f->line[0]);
    f->line[0] = (struct why_line){.goes_on = true,
                                   .placed = true,
                                   .icount = f->icount,
                                   .text = mem_string(text),
                                   .place = mem_string("")};
}

void shape_headline(struct finding *f)
{
    size_t end;
    shorten(&f->verdict);
    char *s = f->verdict.s;
    if (characters(s, f->verdict.n) <= WHY_HEADLINE)
        return;
    if (clause_end(s, &end)) {
        first_line(f, s + end + 2);
        s[end] = 0;
        f->verdict.n = end;
        return;
    }
    end = shape_bytes(s, WHY_HEADLINE - 1);
    for (size_t i = end; i > end / 2; i--)
        if (s[i] == ' ') {
            end = i;
            break;
        }
    struct text rest = {0};
    text_add(&rest, "…%s", s + end + (s[end] == ' '));
    first_line(f, rest.s);
    free(rest.s);
    s[end] = 0;
    f->verdict.n = end;
    text_add(&f->verdict, "…");
}

/* ---------------------------------------------------------------- the evidence */

/* What a line quotes: without "console: ", "systemd says: ", a time stamp, "[FAILED] ". */
static const char *quoted(const char *s)
{
    static const char *const labels[] = {"console: ", "systemd says: ", "panic: ", "<", "[", "systemd[1]: "};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        const size_t n = strlen(labels[i]);
        if (strncmp(s, labels[i], n))
            continue;
        const char *end = *s == '[' ? strchr(s, ']') : *s == '<' ? strchr(s, '>') : s + n - 1;
        if (!end)
            return s;
        for (s = end + 1; *s == ' ';)
            s++;
    }
    return s;
}

static bool same(const char *a, const char *b)
{
    enum { LONG = 16 };
    a = quoted(a);
    b = quoted(b);
    const size_t na = strlen(a), nb = strlen(b);
    return !strcmp(a, b) || (na >= LONG && nb >= na && !strncmp(a, b, na)) ||
           (nb >= LONG && na >= nb && !strncmp(a, b, nb)) || (na >= LONG && nb > na && strstr(b, a)) ||
           (nb >= LONG && na > nb && strstr(a, b));
}

/* The rest of the headline, then in order of time; what has no position comes last. */
static bool before(const struct why_line *a, const struct why_line *b)
{
    if (a->goes_on != b->goes_on)
        return a->goes_on;
    return a->placed != b->placed ? a->placed : a->placed && a->icount < b->icount;
}

void shape_lines(struct finding *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        bool drop = n == WHY_LINES || !*f->line[i].text;
        for (size_t k = 0; k < n && !drop; k++)
            drop = same(f->line[k].text, f->line[i].text);
        if (drop) {
            free(f->line[i].text);
            free(f->line[i].place);
            continue;
        }
        f->line[n] = f->line[i];
        f->line[n].rank = (unsigned)n;
        n++;
    }
    f->n = n;
    for (size_t i = 1; i < n; i++) {
        const struct why_line line = f->line[i];
        size_t k = i;
        for (; k && before(&line, &f->line[k - 1]); k--)
            f->line[k] = f->line[k - 1];
        f->line[k] = line;
    }
}
