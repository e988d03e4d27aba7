/* scsi_words.c - how SCSI commands end, in words. Source: SPC-4 (T10/1731D), 4.5. */
#include "hv/board/storage/scsi.h"
#include "hv/board/words/words.h"

static const struct word_value keys[] = {
    {KEY_NOT_READY, "not ready"},      {KEY_MEDIUM, "medium error"},     {KEY_ILLEGAL, "illegal request"},
    {KEY_ATTENTION, "unit attention"}, {KEY_ABORTED, "aborted command"}, {0, NULL},
};
static const struct word_value codes[] = {
    {ASC_UNREADABLE, "unrecovered read error"},
    {ASC_LIST_LENGTH, "parameter list length"},
    {ASC_OPCODE, "unknown command"},
    {ASC_OUT_OF_RANGE, "address out of range"},
    {ASC_FIELD, "invalid field in the command"},
    {ASC_NO_UNIT, "no such logical unit"},
    {ASC_CHANGED, "the medium may have changed"},
    {ASC_RESET, "reset"},
    {ASC_SAVING, "saved parameters are not supported"},
    {ASC_NO_MEDIUM, "no medium"},
    {ASC_REMOVAL, "medium removal prevented"},
    {ASC_TRACK_MODE, "illegal mode for this track"},
    {0, NULL},
};

/* A status as scsi_event_status() makes it. */
void scsi_status_words(struct words *w, uint32_t status)
{
    const char *key = words_value(keys, status >> 8 & 255), *code = words_value(codes, status >> 16 & 255);
    if (!status) {
        words_add(w, ": good");
        return;
    }
    words_add(w, ": check condition");
    if (key)
        words_add(w, ", %s", key);
    if (code)
        words_add(w, ": %s", code);
}
