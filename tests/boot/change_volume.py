"""change_volume.py IMAGE NEW FROM TO - a firmware image in which a text inside its LZMA-compressed section is another of the same length.

The section is unpacked, changed, packed again, and put in the old one's place; its file's and section's sizes stay, with zeros behind.
"""
import lzma
import struct
import sys

LZMA_SECTION = bytes.fromhex('98584eee143959429d6edc7bd79403cf')


def pack(data, header):
    lc, rest = header[0] % 9, header[0] // 9
    filters = [{'id': lzma.FILTER_LZMA1, 'dict_size': struct.unpack('<I', header[1:5])[0], 'lc': lc, 'lp': rest % 5, 'pb': rest // 5,
                'preset': 9 | lzma.PRESET_EXTREME}]
    packed = lzma.compress(data, format=lzma.FORMAT_RAW, filters=filters)
    return header[:5] + struct.pack('<Q', len(data)) + packed


def main():
    image, new, before, after = sys.argv[1], sys.argv[2], sys.argv[3].encode(), sys.argv[4].encode()
    flash = bytearray(open(image, 'rb').read())
    at = flash.index(LZMA_SECTION) - 4
    size = int.from_bytes(flash[at:at + 3], 'little')
    begin = at + struct.unpack_from('<H', flash, at + 20)[0]
    end = at + size
    stream = bytes(flash[begin:end])
    data = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE).decompress(stream)
    assert len(before) == len(after) and before in data, 'no such text in it'
    packed = pack(data.replace(before, after, 1), stream[:13])
    assert len(packed) <= len(stream), 'it does not fit: %d, not %d' % (len(packed), len(stream))
    flash[begin:end] = packed + bytes(len(stream) - len(packed))
    open(new, 'wb').write(flash)
    print('%d bytes from %#x on, %#x unpacked; the text is at %#x of that' % (len(packed), begin, len(data), data.index(before)))


main()
