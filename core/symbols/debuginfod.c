/* debuginfod.c - debug information from servers, by elfutils' libdebuginfod. See debug.h.
 *
 * The library is opened when it is asked for: it brings libcurl and what that needs along. It knows the servers ($DEBUGINFOD_URLS), keeps what it
 * fetches in its cache, and shows progress if $DEBUGINFOD_PROGRESS is set (debuginfod_find_debuginfo(3)).
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "core/symbols/private/debug_impl.h"

struct debuginfod_client;
struct library {
    struct debuginfod_client *(*begin)(void);
    void (*end)(struct debuginfod_client *client);
    int (*find)(struct debuginfod_client *client, const unsigned char *id, int n, char **path);
};

static bool load(void *handle, struct library *l)
{
    *(void **)&l->begin = dlsym(handle, "debuginfod_begin");
    *(void **)&l->end = dlsym(handle, "debuginfod_end");
    *(void **)&l->find = dlsym(handle, "debuginfod_find_debuginfo");
    return l->begin && l->end && l->find;
}

static char *fetch(const struct library *l, const struct build_id *id, struct error *err)
{
    struct debuginfod_client *client = l->begin();
    char *path = NULL;
    const int fd = client ? l->find(client, id->bytes, id->n, &path) : -1;
    if (client)
        l->end(client);
    if (fd >= 0) {
        close(fd);
        return path;
    }
    error_set(err, "debuginfod: %s", client ? strerror(-fd) : "the library cannot be used");
    return NULL;
}

char *debuginfod_fetch(const struct build_id *id, struct error *err)
{
    struct library l;
    const char *urls = getenv("DEBUGINFOD_URLS");
    char *path = NULL;
    if (!urls || !*urls) {
        error_set(err,
                  "debuginfod: no server is known: name one in the environment variable DEBUGINFOD_URLS");
        return NULL;
    }
    void *handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle && load(handle, &l))
        path = fetch(&l, id, err);
    else
        error_set(err,
                  "debuginfod: libdebuginfod.so.1 is not there: Debian has it in the package libdebuginfod1");
    /* It stays loaded: libcurl has threads and state of its own. */
    return path;
}
