# send.py OWN OTHER COUNT [SIZE]: the other end of a cable (record --net socket=OWN,local=OTHER) for frames.S. When a frame comes, sends COUNT frames:
# of SIZE bytes, some short, one in sixteen again, and the last with an x at byte 14. Their bytes are random, and the same each time.
import random, socket, sys
own, other, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
size = int(sys.argv[4]) if len(sys.argv) > 4 else 1514
peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
peer.bind(own)
peer.settimeout(60)
peer.recv(4096)
numbers = random.Random(1)
head = bytes.fromhex('525400123456' '525400000001' '88b5')
frame = b''
for i in range(count):
    if i % 16 != 15:
        n = 60 if i % 8 == 3 else size
        frame = head + b'-' + bytes(numbers.getrandbits(8) for _ in range(n - 15))
    if i == count - 1:
        frame = head + b'x' + frame[15:]
    peer.sendto(frame, other)
