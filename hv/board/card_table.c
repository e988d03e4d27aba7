/* card_table.c - which function makes a card of each kind. */
#include "hv/board/cards.h"

int cards_create(struct board *b, struct error *err)
{
    static int (*const create[CARD_KINDS])(struct board *, const struct card *, struct error *) = {
        [CARD_NVME] = nvme_create, [CARD_VIRTIO_BLK] = virtio_blk_create};
    struct card cards[CARDS_MOST];
    int n = cards_of(board_config(b), cards, err);
    for (int i = 0; i < n; i++)
        if (create[cards[i].kind](b, &cards[i], err))
            return -1;
    return n < 0 ? -1 : 0;
}
