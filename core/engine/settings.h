/* settings.h - the settings of a PC: one table for those who ask for a machine (options, help, completion), who build it and who read of it
 * in a trace.
 *
 * A setting is a text of engine_config.settings. Keys that are not in the table are somebody else's, such as the story's. */
#ifndef BOOTREEL_CORE_ENGINE_SETTINGS_H
#define BOOTREEL_CORE_ENGINE_SETTINGS_H

#include "core/engine/engine.h"

enum setting_type {
    SETTING_TEXT,
    SETTING_NUMBER, /* from `min` to `max` */
    SETTING_WORD,   /* one of `words` */
    SETTING_WORDS,  /* some of `words`, with commas */
    SETTING_DATE    /* date_parse() */
};

/* Words, in the order of the board's own tables. */
#define SETTING_MACHINES  "pc|q35"
#define SETTING_VGA       "std|none"
#define SETTING_USB       "keyboard|tablet"
#define SETTING_VIRTIO    "rng|console"
#define SETTING_PROTOCOLS "linux|multiboot|multiboot2|pvh|fw_cfg"
#define SETTING_NICS      "virtio-net|e1000|e1000e"
/* What a disk, and what a CD-ROM can be attached to. */
#define SETTING_DISK_INTERFACES  "ide|ahci|nvme|virtio|scsi|usb"
#define SETTING_CDROM_INTERFACES "ide|ahci|scsi|usb"

struct setting_row {
    const char *key; /* # stands for a number: "nic#-mac", or for none: "cdrom#-serial" */
    enum setting_type type;
    const char *words;
    uint64_t min, max;
    const char *preset; /* of a machine that does not say; NULL: none */
    const char *what;   /* what it is */
};

/* The rows, in no order; NULL after the last. */
const struct setting_row *setting_row(unsigned i);
/* The row of a key; NULL if it is nobody's or somebody else's. */
const struct setting_row *setting_row_of(const char *key);
/* The preset of a key that has one. */
const char *setting_preset(const char *key);

/* Whether a row may have a value. -1 with err: "KEY=VALUE: must be …". */
int setting_check(const struct setting_row *row, const char *key, const char *value, struct error *err);
/* Whether all settings of a machine that are in the table have possible values. */
int settings_check(const struct engine_config *cfg, struct error *err);

/* As it is in the configuration; otherwise the preset; otherwise NULL. */
const char *setting_value(const struct engine_config *cfg, const char *key);
/* The value of a SETTING_NUMBER with a preset. -1 with err if the configuration has an impossible one. */
int setting_number(const struct engine_config *cfg, const char *key, uint64_t *value, struct error *err);
/* Whether a SETTING_WORD, or a SETTING_WORDS, has that word. */
bool setting_has(const struct engine_config *cfg, const char *key, const char *word);
/* The place of a word of n characters among `words`, such as "pc|q35"; -1: it is none of them. */
int setting_place(const char *words, const char *word, size_t n);
/* The word at a place, and its length; NULL behind the last. */
const char *setting_word(const char *words, unsigned place, size_t *n);
/* Writes them into `text` as people list them: "ide, ahci or usb". */
void setting_list(char *text, size_t size, const char *words);

#endif
