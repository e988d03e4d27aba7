/* manager.c - boot managers and stubs among loaded applications: which they are, by what is in their images and not by the names of their files.
 *
 * systemd-boot and systemd-stub say it in a text that systemd's bootctl looks for ("#### LoaderInfo: systemd-boot 252 ####", in the section
 * .sdmagic); rEFInd and Limine have their names and those of their configuration files as texts. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/systems/efi/private/impl.h"

enum { IMAGE_MOST = 16 << 20, WORDS = 64 };

struct manager_image {
    const uint8_t *bytes;
    size_t size;
};

static const uint8_t *text_in(const struct manager_image *im, const char *text)
{
    return memmem(im->bytes, im->size, text, strlen(text));
}

static bool has_wide(const struct manager_image *im, const char *text)
{
    char wide[2 * WORDS] = "";
    const size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        wide[2 * i] = text[i];
    return memmem(im->bytes, im->size, wide, 2 * n);
}

/* Copies a word: up to a blank, or what is no text. Returns what follows it. */
static const uint8_t *take_word(const struct manager_image *im, const uint8_t *p, char *word, size_t size)
{
    const uint8_t *end = im->bytes + im->size;
    size_t n = 0;
    while (p < end && isgraph(*p) && n + 1 < size)
        word[n++] = (char)*p++;
    word[n] = 0;
    return p < end && *p == ' ' ? p + 1 : p;
}

static bool is_systemd(const struct manager_image *im, char name[EFI_NAME], char version[EFI_NAME])
{
    static const char magic[] = "#### LoaderInfo: ";
    const uint8_t *p = text_in(im, magic);
    if (!p)
        return false;
    p = take_word(im, p + sizeof magic - 1, name, WORDS);
    take_word(im, p, version, WORDS);
    return *name;
}

static bool is_refind(const struct manager_image *im, char name[EFI_NAME], char version[EFI_NAME])
{
    if (!has_wide(im, "rEFInd") || !has_wide(im, "refind.conf"))
        return false;
    strcpy(name, "rEFInd");
    *version = 0;
    return true;
}

static bool is_limine(const struct manager_image *im, char name[EFI_NAME], char version[EFI_NAME])
{
    static const char brand[] = "Limine ";
    const uint8_t *p = im->bytes;
    if (!text_in(im, "limine.conf") && !text_in(im, "limine.cfg"))
        return false;
    for (size_t left = im->size; (p = memmem(p, left, brand, sizeof brand - 1));
         left = im->size - (size_t)(p - im->bytes)) {
        p += sizeof brand - 1;
        take_word(im, p, version, WORDS);
        if (!*version || version[strspn(version, "0123456789.")])
            continue; /* "Limine 4.x" is part of a message */
        strcpy(name, "Limine");
        return true;
    }
    return false;
}

bool efi_boot_manager(const struct efi_guest *eg, uint64_t base, uint64_t size, char name[EFI_NAME],
                      char version[EFI_NAME])
{
    static bool (*const known[])(const struct manager_image *, char *, char *) = {is_systemd, is_refind,
                                                                                  is_limine};
    const uint64_t n = size < IMAGE_MOST ? size : IMAGE_MOST; /* a unified kernel image's stub comes first */
    bool found = false;
    if (!n)
        return false;
    uint8_t *bytes = mem_alloc(n);
    const struct manager_image im = {bytes, n};
    if (efi_read(eg, base, bytes, n))
        for (size_t i = 0; !found && i < sizeof known / sizeof known[0]; i++)
            found = known[i](&im, name, version);
    free(bytes);
    return found;
}
