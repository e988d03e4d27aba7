/* shares.c - see shares.h. */
#include <stdlib.h>
#include <string.h>

#include "cli/shares.h"
#include "base/memory.h"

enum { TAG_MOST = 31 };

static int check_tag(const struct shares *all, const char *option, const char *tag, struct error *err)
{
    size_t n = strlen(tag);
    for (size_t i = 0; i < n; i++)
        if (tag[i] <= ' ' || tag[i] > '~' || tag[i] == ',')
            n = 0;
    if (!n || n > TAG_MOST)
        return error_set(err, "%s: tag=%.40s: give 1 to %d characters, without blanks and commas", option,
                         tag, TAG_MOST);
    for (unsigned i = 0; i < all->n; i++)
        if (!strcmp(all->share[i].tag, tag))
            return error_set(err, "%s: tag=%.40s: %.200s has that tag: give another one", option, tag,
                             all->share[i].folder);
    return 0;
}

int shares_add_parts(struct shares *all, const char *option, const char *folder, const char *tag,
                     const char *path, struct error *err)
{
    if (all->n == ENGINE_SHARES)
        return error_set(err, "%s: %.200s: there are %d folders already, and no room for more", option,
                         folder, ENGINE_SHARES);
    if (!*folder)
        return error_set(err, "%s: needs a folder", option);
    if (check_tag(all, option, tag, err))
        return -1;
    struct share_given *s = &all->share[all->n];
    *s = (struct share_given){
        .folder = mem_string(folder), .tag = mem_string(tag), .path = path ? mem_string(path) : NULL};
    snprintf(s->role, sizeof s->role, "share%u", all->n);
    snprintf(s->tag_key, sizeof s->tag_key, "share%u-tag", all->n);
    snprintf(s->path_key, sizeof s->path_key, "share%u-path", all->n);
    all->n++;
    return 0;
}

/* The value of ",key=" in a text, up to the next key that is known; NULL: it is not given. To be freed. */
static char *value_of(const char *text, const char *key)
{
    const char *at = strstr(text, key), *end, *next;
    if (!at)
        return NULL;
    at += strlen(key);
    end = at + strlen(at);
    if ((next = strstr(at, ",tag=")))
        end = next;
    if ((next = strstr(at, ",path=")) && next < end)
        end = next;
    return mem_text(at, (size_t)(end - at));
}

int shares_add(struct shares *all, const struct option_row *row, const char *value, struct error *err)
{
    char option[40], made[16], *tag = value_of(value, ",tag="), *path = value_of(value, ",path=");
    const char *a = strstr(value, ",tag="), *b = strstr(value, ",path=");
    size_t n = a && (!b || a < b) ? (size_t)(a - value) : b ? (size_t)(b - value) : strlen(value);
    char *folder = mem_text(value, n);
    snprintf(option, sizeof option, "--%s", row->name);
    snprintf(made, sizeof made, "share%u", all->n);
    int rc = path && *path != '/' ? error_set(err, "%s: path=%.200s: give an absolute path", option, path)
                                  : shares_add_parts(all, option, folder, tag ? tag : made, path, err);
    free(folder);
    free(tag);
    free(path);
    return rc;
}

int shares_open(const struct shares *all, struct image_files *files, struct error *err)
{
    for (unsigned i = 0; i < all->n; i++)
        if (image_files_add_share(files, all->share[i].role, all->share[i].folder, err))
            return -1;
    return 0;
}

void shares_free(struct shares *all)
{
    for (unsigned i = 0; i < all->n; i++) {
        free(all->share[i].folder);
        free(all->share[i].tag);
        free(all->share[i].path);
    }
}
