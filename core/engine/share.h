/* share.h - a folder of the host that the guest sees: what an engine asks of it, and how the answers look.
 *
 * The folder is an image (engine.h) whose content comes into being as the guest looks at the folder. For each question the engine takes
 * the next chunks of SHARE_CHUNK bytes that it has not used, says by `place` what is to be there, and reads them. So what the
 * guest saw is in the trace, as with any image, in the order in which it was seen; a replay reads the chunks again, and asks nobody.
 *
 * Numbers are little-endian. A chunk that an answer does not fill ends with zeros.
 */
#ifndef BOOTREEL_CORE_ENGINE_SHARE_H
#define BOOTREEL_CORE_ENGINE_SHARE_H

#include <stdint.h>

enum {
    SHARE_CHUNK = 65536,
    SHARE_CHUNKS = 1 << 22, /* of an image: its size is SHARE_CHUNKS * SHARE_CHUNK */
    SHARE_PATH = 4096,      /* longest path, with its end */
    SHARE_NAME = 255,       /* bytes of a name */
    SHARE_LISTED = 1 << 20, /* names in a folder */
};

enum share_what {
    SHARE_NODE, /* what is at a path: struct share_answer, then a link's target */
    SHARE_OPEN, /* whether a regular file can be read: struct share_answer, of which only `error` counts */
    SHARE_LIST, /* what is in a folder: struct share_list, then the names; as many chunks as that takes */
    SHARE_DATA, /* SHARE_CHUNK bytes of a regular file, from `block` * SHARE_CHUNK on; zeros behind its end */
};

struct share_question {
    enum share_what what;
    const char *path; /* below the folder, without a "/" at its beginning or end; "" is the folder itself */
    uint64_t block;
};

struct share_answer {
    uint32_t error; /* Linux's errno, or 0 */
    uint32_t mode, uid, gid, links;
    uint32_t nanoseconds; /* of the time of modification; 0 of folders */
    int64_t seconds;      /* since 1970 */
    uint64_t size, device;
    uint32_t target; /* bytes of a link's target, which follow; at most SHARE_PATH - 1 */
    uint32_t zero;
};

/* Each name is struct share_name and its bytes; they are in the order of their bytes, and none appears twice. */
struct share_list {
    uint32_t error, count;
    uint64_t size; /* of all, with this */
};
struct share_name {
    uint8_t type; /* the highest four bits of the mode, as in <dirent.h> */
    uint8_t length;
};

#endif
