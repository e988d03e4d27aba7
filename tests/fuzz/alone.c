/* alone.c - runs a fuzz target without libFuzzer, in any build: the inputs given, and then inputs made of them by random changes. It does not
 * look at which code they reach, so it finds less than libFuzzer (make test-fuzz), but it needs no third build of the whole program.
 *
 *   fuzz_NAME -runs=N [-seed=N] [-keep=FILE] [FILE|FOLDER]...
 *
 * The same arguments give the same inputs. FILE of -keep always has the present input, and after a crash it has the guilty one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv); /* not every target has one */

enum { INPUT_MAX = 1 << 16, MAX_SEEDS = 4096, MAX_CHANGES = 6 };

struct seed {
    uint8_t *data;
    size_t size;
};

struct fuzzing {
    struct seed seeds[MAX_SEEDS];
    size_t nseeds;
    uint64_t random;
    uint8_t *input; /* INPUT_MAX bytes; the file of -keep, if there is one */
    int keep;
};

static void die(const char *what, const char *which)
{
    fprintf(stderr, "fuzz: %s: ", what);
    perror(which);
    exit(2);
}

/* xorshift64* */
static uint64_t any(struct fuzzing *f)
{
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return f->random * 0x2545f4914f6cdd1d;
}

static size_t below(struct fuzzing *f, size_t n)
{
    return n ? (any(f) >> 11) % n : 0;
}

static void run(struct fuzzing *f, const uint8_t *data, size_t size)
{
    if (f->input != data)
        memcpy(f->input, data, size);
    if (f->keep >= 0 && ftruncate(f->keep, (off_t)(size ? size : 1)))
        die("cannot keep the input", "ftruncate");
    /* Of its very size, so that the address sanitizer sees a read behind its end. */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        die("no memory", "malloc");
    memcpy(copy, f->input, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    if (f->keep >= 0 && ftruncate(f->keep, INPUT_MAX))
        die("cannot keep the input", "ftruncate");
}

static size_t put_number(struct fuzzing *f, size_t n)
{
    static const uint64_t edges[] = {0,      1,          0x7f,       0x80,       0xff,      0x7fff,    0x8000,
                                     0xffff, 0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX, UINT64_MAX};
    const size_t width = (size_t)1 << below(f, 4);
    const uint64_t value = edges[below(f, sizeof edges / sizeof *edges)] + below(f, 3) - 1;
    if (n >= width)
        memcpy(f->input + below(f, n - width + 1), &value, width);
    return n;
}

static size_t flip_bit(struct fuzzing *f, size_t n)
{
    if (n)
        f->input[below(f, n)] ^= (uint8_t)(1u << below(f, 8));
    return n;
}

static size_t set_bytes(struct fuzzing *f, size_t n)
{
    const size_t at = below(f, n), many = below(f, n - at < 16 ? n - at + 1 : 16);
    for (size_t i = 0; i < many; i++)
        f->input[at + i] = (uint8_t)any(f);
    return n;
}

static size_t cut_out(struct fuzzing *f, size_t n)
{
    const size_t at = below(f, n), many = below(f, (n - at) / 2 + 1);
    memmove(f->input + at, f->input + at + many, n - at - many);
    return n - many;
}

static size_t cut_off(struct fuzzing *f, size_t n)
{
    return below(f, n + 1);
}

static size_t repeat(struct fuzzing *f, size_t n)
{
    const size_t room = INPUT_MAX - n, at = below(f, n);
    size_t many = below(f, n - at + 1);
    many = many < room ? many : room;
    memmove(f->input + at + many, f->input + at, n - at);
    return n + many;
}

/* A piece of another seed over what is there, or at the end. */
static size_t from_another(struct fuzzing *f, size_t n)
{
    if (!f->nseeds)
        return set_bytes(f, n);
    const struct seed *s = &f->seeds[below(f, f->nseeds)];
    const size_t from = below(f, s->size), to = below(f, n + 1);
    size_t many = below(f, s->size - from + 1);
    many = many < INPUT_MAX - to ? many : INPUT_MAX - to;
    memcpy(f->input + to, s->data + from, many);
    return to + many > n ? to + many : n;
}

static size_t (*const changes[])(struct fuzzing *, size_t) = {
    flip_bit, flip_bit, set_bytes, put_number, put_number, cut_out, cut_off, repeat, from_another};

/* Now and then of nothing but noise, which is all there is without seeds. */
static size_t begin(struct fuzzing *f)
{
    if (f->nseeds && below(f, 16)) {
        const struct seed *s = &f->seeds[below(f, f->nseeds)];
        memcpy(f->input, s->data, s->size);
        return s->size;
    }
    const size_t n = below(f, (size_t)1 << below(f, 13));
    for (size_t i = 0; i < n; i++)
        f->input[i] = (uint8_t)any(f);
    return n;
}

static void make_and_run(struct fuzzing *f)
{
    size_t n = begin(f);
    for (size_t i = below(f, MAX_CHANGES + 1); i > 0; i--)
        n = changes[below(f, sizeof changes / sizeof *changes)](f, n);
    run(f, f->input, n);
}

static void take_file(struct fuzzing *f, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        die("cannot read", path);
    struct seed s = {.data = malloc(INPUT_MAX)};
    if (!s.data || f->nseeds == MAX_SEEDS)
        die("too much", path);
    s.size = fread(s.data, 1, INPUT_MAX, file);
    fclose(file);
    f->seeds[f->nseeds++] = s;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void take(struct fuzzing *f, const char *path)
{
    struct dirent **names;
    const int n = scandir(path, &names, visible, alphasort);
    if (n < 0) {
        take_file(f, path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, names[i]->d_name);
        take_file(f, name);
        free(names[i]);
    }
    free(names);
}

static void keep_input(struct fuzzing *f, const char *path)
{
    f->keep = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (f->keep < 0 || ftruncate(f->keep, INPUT_MAX))
        die("cannot keep the input in", path);
    f->input = mmap(NULL, INPUT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, f->keep, 0);
    if (f->input == MAP_FAILED)
        die("cannot keep the input in", path);
}

int main(int argc, char **argv)
{
    static struct fuzzing f = {.random = 1, .keep = -1};
    uint64_t runs = 0;
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], "-runs=", 6))
            runs = strtoull(argv[i] + 6, NULL, 0);
        else if (!strncmp(argv[i], "-seed=", 6))
            f.random = strtoull(argv[i] + 6, NULL, 0) | 1;
        else if (!strncmp(argv[i], "-keep=", 6))
            keep_input(&f, argv[i] + 6);
        else
            take(&f, argv[i]);
    if (!f.input && !(f.input = malloc(INPUT_MAX)))
        die("no memory", "malloc");
    if (LLVMFuzzerInitialize && LLVMFuzzerInitialize(&argc, &argv))
        return 2;
    for (size_t i = 0; i < f.nseeds; i++)
        run(&f, f.seeds[i].data, f.seeds[i].size);
    for (uint64_t i = 0; i < runs; i++)
        make_and_run(&f);
    printf("%zu seeds, %llu inputs\n", f.nseeds, (unsigned long long)runs);
    for (size_t i = 0; i < f.nseeds; i++)
        free(f.seeds[i].data);
    if (f.keep < 0)
        free(f.input);
    return 0;
}
