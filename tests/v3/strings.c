/* strings.c - the C library's string functions against simple C, with operands of all alignments that end where a page ends: exit 1 and the
 * function's name where they differ, else a digest of all results. Which variants are tried, GLIBC_TUNABLES says (tests/v3/run). */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <wchar.h>

enum { PAGE = 4096, ROOM = 2 * PAGE, ROUNDS = 40000, LONGEST = 700 };

static uint64_t seed = 1, hash;
static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}
static void check(const char *name, int64_t have, int64_t want)
{
    hash = (hash ^ (uint64_t)have) * 0x9e3779b97f4a7c15u;
    if (have == want)
        return;
    printf("%s: %lld, not %lld\n", name, (long long)have, (long long)want);
    exit(1);
}
static int sign(int v)
{
    return (v > 0) - (v < 0);
}

/* Two pages, and behind them one that cannot be accessed. */
static char *room(void)
{
    char *p = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + ROOM, PAGE, PROT_NONE))
        exit(2);
    return p;
}

/* n bytes that end at the end of a room, or a little before. */
static char *place(char *r, size_t n)
{
    return r + ROOM - n - (below(3) ? 0 : below(64));
}
static void fill(char *s, size_t n, unsigned letters)
{
    for (size_t i = 0; i < n; i++)
        s[i] = (char)('a' + below(letters));
}

static long find(const char *s, size_t n, char c)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == c)
            return (long)i;
    return -1;
}
static long find_last(const char *s, size_t n, char c)
{
    while (n--)
        if (s[n] == c)
            return (long)n;
    return -1;
}
static long at(const char *base, const void *p)
{
    return p ? (const char *)p - base : -1;
}
static int order(const char *a, const char *b, size_t n, int ends)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i])
            return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
        if (ends && !a[i])
            return 0;
    }
    return 0;
}

static void searches(char *r)
{
    size_t n = below(LONGEST) + 1, some = below((unsigned)n + 1);
    char *s = place(r, n), c = (char)('a' + below(6));
    fill(s, n, below(5) + 1);
    if (!below(3))
        s[below((unsigned)n)] = c;
    s[n - 1] = 0;
    long len = find(s, n, 0), first = find(s, n, c), last = find_last(s, n, c), within = find(s, some, c);
    check("strlen", (long)strlen(s), len);
    check("strnlen", (long)strnlen(s, some), len < (long)some ? len : (long)some);
    check("strchr", at(s, strchr(s, c)), first);
    check("strrchr", at(s, strrchr(s, c)), last);
    check("strchrnul", at(s, strchrnul(s, c)), first < 0 ? len : first);
    check("memchr", at(s, memchr(s, c, some)), within);
    check("memrchr", at(s, memrchr(s, c, some)), find_last(s, some, c));
    check("rawmemchr", at(s, rawmemchr(s, 0)), len);
    long other = 0, none = 0;
    while (s[other] == 'a' || s[other] == 'b')
        other++;
    while (s[none] && s[none] != 'd' && s[none] != c)
        none++;
    check("strspn", (long)strspn(s, "ab"), other);
    check("strcspn", (long)strcspn(s, (char[]){'d', c, 0}), none);
}

static void comparisons(char *ra, char *rb)
{
    size_t n = below(LONGEST) + 1, some = below((unsigned)n + 1);
    char *a = place(ra, n), *b = place(rb, n);
    fill(a, n, 3);
    memcpy(b, a, n);
    if (below(4))
        b[below((unsigned)n)] = (char)below(256);
    a[n - 1] = b[n - 1] = 0;
    check("memcmp", sign(memcmp(a, b, some)), order(a, b, some, 0));
    check("bcmp", !bcmp(a, b, some), !order(a, b, some, 0));
    check("strcmp", sign(strcmp(a, b)), order(a, b, n, 1));
    check("strncmp", sign(strncmp(a, b, some)), order(a, b, some, 1));
    check("strcasecmp", !strcasecmp(a, a), 1);
    for (size_t i = 0; i + 1 < n; i++)
        b[i] = (char)(a[i] & ~32);
    check("strcasecmp", strcasecmp(a, b), 0);
    check("strncasecmp", strncasecmp(a, b, some), 0);
}

/* What a copy leaves at and around its destination. */
static void same(const char *name, const char *have, const char *want, size_t n)
{
    check(name, order(have, want, n, 0), 0);
}
static void copies(char *ra, char *rb)
{
    static char want[LONGEST + 128];
    size_t n = below(LONGEST) + 1, some = below((unsigned)n + 1);
    char *a = place(ra, n), *b = place(rb, n + 64);
    fill(a, n, 26);
    fill(b, n + 64, 26);
    for (size_t i = 0; i < n + 64; i++)
        want[i] = i < some ? a[i] : b[i];
    check("memcpy", at(b, memcpy(b, a, some)), 0);
    same("memcpy", b, want, n + 64);
    size_t from = below(64), to = below(64);
    for (size_t i = 0; i < n + 64; i++)
        want[i] = b[i];
    for (size_t i = 0; i < some; i++)
        want[to + i] = b[from + i];
    memmove(b + to, b + from, some);
    same("memmove", b, want, n + 64);
    for (size_t i = 0; i < some; i++)
        want[to + i] = 'x';
    memset(b + to, 'x', some);
    same("memset", b, want, n + 64);
    a[n - 1] = 0;
    for (size_t i = 0; i < n; i++)
        want[i] = a[i];
    check("stpcpy", at(b, stpcpy(b, a)), (long)n - 1);
    same("stpcpy", b, want, n + 64);
    check("strcpy", at(b, strcpy(b, a)), 0);
    for (size_t i = 0; i < some; i++)
        want[i] = i < n - 1 ? a[i] : 0;
    strncpy(b, a, some);
    same("strncpy", b, want, n + 64);
    char *tail = b + n - 1;
    *tail = 0;
    strncat(tail, "0123456789", some < 10 ? some : 10);
    check("strncat", (long)strlen(tail), some < 10 ? (long)some : 10);
    b[0] = 0;
    strcat(b, a);
    check("strcat", strcmp(a, b), 0);
    char *part = a + some * (some < n);
    long found = 0, size = (long)strlen(part);
    while (order(a + found, part, (size_t)size, 0))
        found++;
    check("strstr", at(a, strstr(a, part)), found);
}

static void wide(char *r)
{
    size_t n = below(LONGEST / 4) + 1;
    wchar_t *s = (wchar_t *)(r + ROOM) - n, c = L'a' + (wchar_t)below(5);
    wmemset(s, L'a' + (wchar_t)below(3), n);
    s[below((unsigned)n)] = c;
    s[n - 1] = 0;
    long len = 0, first = 0;
    while (s[len])
        len++;
    while (first < len && s[first] != c)
        first++;
    check("wcslen", (long)wcslen(s), len);
    check("wcsnlen", (long)wcsnlen(s, n), len);
    check("wcschr", wcschr(s, c) ? wcschr(s, c) - s : -1, first < len ? first : -1);
    check("wmemchr", wmemchr(s, c, n) ? wmemchr(s, c, n) - s : -1, first < len ? first : -1);
    check("wmemcmp", wmemcmp(s, s, n), 0);
    check("wcscmp", wcscmp(s, s), 0);
}

int main(void)
{
    char *a = room(), *b = room();
    for (unsigned i = 0; i < ROUNDS; i++) {
        searches(a);
        comparisons(a, b);
        copies(a, b);
        wide(a);
    }
    printf("%016llx\n", (unsigned long long)hash);
    return 0;
}
