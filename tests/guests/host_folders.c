/* host_folders.c - large folders: names made, moved, exchanged and removed in a random order, and looked up and listed in between. The
 * program knows what must be there. Prints the same lines on every Linux. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAMES = 1200, FOLDERS = 3, ROUNDS = 6000 };

static ino_t there[FOLDERS][NAMES]; /* its inode, or 0 */
static unsigned long seed = 1;

static unsigned any(unsigned n)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % n;
}

static const char *path(char *buf, unsigned folder, unsigned name)
{
    sprintf(buf, "d%u/%s%u", folder, name % 3 ? "n" : "a-longer-name-", name);
    return buf;
}

static void wrong(const char *what, unsigned folder, unsigned name)
{
    printf("%s: wrong at %u/%u\n", what, folder, name);
    exit(1);
}

static void look(unsigned folder, unsigned name)
{
    char p[64];
    struct stat s;
    if (lstat(path(p, folder, name), &s))
        s.st_ino = 0;
    if (s.st_ino != there[folder][name])
        wrong("lookup", folder, name);
}

static void make(unsigned folder, unsigned name)
{
    char p[64];
    struct stat s;
    int fd = open(path(p, folder, name), O_CREAT | O_EXCL | O_WRONLY, 0600);
    if ((fd < 0) != !!there[folder][name])
        wrong("open", folder, name);
    if (fd < 0)
        return;
    fstat(fd, &s);
    there[folder][name] = s.st_ino;
    close(fd);
}

static void drop(unsigned folder, unsigned name)
{
    char p[64];
    if (!unlink(path(p, folder, name)) != !!there[folder][name])
        wrong("unlink", folder, name);
    there[folder][name] = 0;
}

static void move(unsigned folder, unsigned name, unsigned exchange)
{
    char p[64], q[64];
    const unsigned to = any(FOLDERS), new = any(NAMES);
    ino_t *a = &there[folder][name], *b = &there[to][new], old = *b;
    const long rc =
        syscall(SYS_renameat2, AT_FDCWD, path(p, folder, name), AT_FDCWD, path(q, to, new), exchange ? 2 : 0);
    if (!rc != (*a && (!exchange || *b)))
        wrong("rename", folder, name);
    if (rc || a == b)
        return;
    *b = *a;
    *a = exchange ? old : 0;
}

/* Lists a folder by calls that return few names each. With `drops`, removes the odd names as they come. Every name that stays is seen
 * once. */
static unsigned list(unsigned folder, int drops)
{
    static unsigned char seen[NAMES];
    char buf[256], p[64];
    unsigned count = 0;
    sprintf(p, "d%u", folder);
    const int fd = open(p, O_RDONLY | O_DIRECTORY);
    memset(seen, 0, sizeof seen);
    for (long n; (n = syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0;)
        for (long at = 0; at < n;) {
            const struct dirent64 *e = (const void *)(buf + at);
            at += e->d_reclen;
            if (*e->d_name == '.')
                continue;
            const unsigned name = (unsigned)atoi(e->d_name + strcspn(e->d_name, "0123456789"));
            if (seen[name]++ || there[folder][name] != e->d_ino)
                wrong("list", folder, name);
            count++;
            if (drops && name % 2)
                drop(folder, name);
        }
    close(fd);
    for (unsigned i = 0; i < NAMES; i++)
        if (there[folder][i] && !seen[i])
            wrong("missing", folder, i);
    return count;
}

int main(void)
{
    char folder[] = "/tmp/folders-XXXXXX", p[64];
    if (!mkdtemp(folder) || chdir(folder))
        return 1;
    for (unsigned d = 0; d < FOLDERS; d++)
        mkdir((sprintf(p, "d%u", d), p), 0700);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const unsigned d = any(FOLDERS), n = any(NAMES), what = any(12);
        if (what < 6)
            make(d, n);
        else if (what < 8)
            drop(d, n);
        else if (what < 10)
            move(d, n, what == 8);
        look(d, n);
        look(any(FOLDERS), any(NAMES));
        if (i % 1000 == 999)
            printf("%u: %u %u\n", i + 1, list(0, 0), list(1, i % 2000 == 1999));
    }
    for (unsigned d = 0; d < FOLDERS; d++) {
        const unsigned before = list(d, 0);
        const unsigned again = list(d, 1), after = list(d, 0);
        printf("folder %u: %u, %u, %u\n", d, before, again, after);
        for (unsigned n = NAMES; n--;)
            if (there[d][n])
                drop(d, n);
        sprintf(p, "d%u", d);
        printf("left: %u, %d\n", list(d, 0), rmdir(p));
    }
    chdir("/");
    return rmdir(folder);
}
