/* libraries.c - ciphers and digests of OpenSSL, checksums of xxHash, zstd: published test vectors, and digests of much more, which tests/v3/run
 * compares between processor models, for which the libraries choose other code. Exit 1 where a vector is wrong. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <xxhash.h>
#include <zstd.h>

enum { SIZE = 300000, SHORT = 300 };
static unsigned char data[SIZE], out[2 * SIZE], back[2 * SIZE];

static void hex(const char *name, const char *more, const unsigned char *p, size_t n, const char *want)
{
    char text[2 * 64 + 1] = "";
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", p[i]);
    printf("%s %s: %s\n", name, more, text);
    if (!want || !strcmp(text, want))
        return;
    printf("%s: %s is right\n", name, want);
    exit(1);
}
static void need(int good, const char *name)
{
    if (good)
        return;
    printf("%s: refused\n", name);
    exit(1);
}

/* ---------------------------------------------------------------- digests */

static unsigned digest(const char *name, const void *p, size_t n, unsigned char *md)
{
    unsigned size = 0;
    need(EVP_Digest(p, n, md, &size, EVP_get_digestbyname(name), NULL), name);
    return size;
}

/* The vector is that of "abc" (FIPS 180-4, RFC 1321). */
static void digests(void)
{
    static const struct {
        const char *name, *abc;
    } all[] = {
        {"MD5", "900150983cd24fb0d6963f7d28e17f72"},
        {"SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"SHA224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
        {"SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"SHA512",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
         "454d4423643ce80e2a9ac94fa54ca49f"},
        {"SHA384", NULL},
        {"SHA3-256", NULL},
        {"BLAKE2b512", NULL}};
    unsigned char md[EVP_MAX_MD_SIZE];
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        hex(all[i].name, "abc", md, digest(all[i].name, "abc", 3, md), all[i].abc);
        memset(out, 0, 64);
        for (unsigned n = 0; n <= SHORT; n++) {
            unsigned size = digest(all[i].name, data + n % 17, n, md);
            for (unsigned k = 0; k < size; k++)
                out[k] = (unsigned char)(out[k] * 3 + md[k]);
        }
        hex(all[i].name, "short", out, 64, NULL);
        hex(all[i].name, "long", md, digest(all[i].name, data, SIZE, md), NULL);
    }
}

/* ---------------------------------------------------------------- ciphers */

static int cipher(const char *name, int encrypt, const unsigned char *key, const unsigned char *iv,
                  const unsigned char *from, int n, unsigned char *to, unsigned char *tag)
{
    const EVP_CIPHER *c = EVP_get_cipherbyname(name);
    int size = 0, rest = 0;
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    need(c && x && EVP_CipherInit_ex(x, c, NULL, key, iv, encrypt), name);
    EVP_CIPHER_CTX_set_padding(x, 0);
    if (tag && !encrypt)
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, 16, tag);
    need(EVP_CipherUpdate(x, to, &size, from, n) && EVP_CipherFinal_ex(x, to + size, &rest), name);
    if (tag && encrypt)
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, 16, tag);
    EVP_CIPHER_CTX_free(x);
    return size + rest;
}

static void ciphers(void)
{
    static const struct {
        const char *name;
        int whole, tag;
    } all[] = {{"AES-128-ECB", 1, 0}, {"AES-128-CBC", 1, 0},       {"AES-256-CBC", 1, 0},
               {"AES-128-CTR", 0, 0}, {"AES-256-CTR", 0, 0},       {"AES-256-XTS", 0, 0},
               {"AES-128-GCM", 0, 1}, {"AES-256-GCM", 0, 1},       {"AES-128-OCB", 0, 1},
               {"ChaCha20", 0, 0},    {"ChaCha20-Poly1305", 0, 1}, {"CAMELLIA-128-CBC", 1, 0}};
    unsigned char key[64], iv[16] = {0}, tag[16], block[16], zero[16] = {0}, md[EVP_MAX_MD_SIZE];
    for (unsigned i = 0; i < 64; i++)
        key[i] = (unsigned char)i;
    for (unsigned i = 0; i < 16; i++)
        block[i] = (unsigned char)(i * 0x11);
    cipher("AES-128-ECB", 1, key, iv, block, 16, out, NULL); /* FIPS 197, appendix C */
    hex("AES-128", "FIPS 197", out, 16, "69c4e0d86a7b0430d8cdb78070b4c55a");
    cipher("AES-256-ECB", 1, key, iv, block, 16, out, NULL);
    hex("AES-256", "FIPS 197", out, 16, "8ea2b7ca516745bfeafc49904b496089");
    cipher("AES-128-GCM", 1, zero, zero, zero, 16, out, tag); /* McGrew and Viega, test case 2 */
    hex("AES-128-GCM", "text", out, 16, "0388dace60b6a392f328c2b971b2fe78");
    hex("AES-128-GCM", "tag", tag, 16, "ab6e47d42cec13bdf53a67b21257bddf");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        static const int sizes[] = {16, 48, 96, 144, 272, 1040, 4099, 100001};
        for (unsigned k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            int n = all[i].whole ? sizes[k] & ~15 : sizes[k];
            int size = cipher(all[i].name, 1, key, key + 32, data + k, n, out, all[i].tag ? tag : NULL);
            need(size == n &&
                     cipher(all[i].name, 0, key, key + 32, out, size, back, all[i].tag ? tag : NULL) == n &&
                     !memcmp(back, data + k, (size_t)n),
                 all[i].name);
            hex(all[i].name, "encrypted", md, digest("SHA256", out, (size_t)n, md), NULL);
            if (all[i].tag)
                hex(all[i].name, "tag", tag, 16, NULL);
        }
    }
}

/* Powers of large numbers, which take MULX, ADCX and ADOX where there are: Fermat's theorem for 2^521 - 1, and others. */
static void powers(void)
{
    BN_CTX *x = BN_CTX_new();
    BIGNUM *m = BN_new(), *e = BN_new(), *r = BN_new(), *a = BN_new();
    unsigned char md[EVP_MAX_MD_SIZE];
    BN_one(m), BN_lshift(m, m, 521), BN_sub_word(m, 1);
    BN_copy(e, m), BN_sub_word(e, 1);
    BN_bin2bn(data, 64, a);
    need(BN_mod_exp_mont(r, a, e, m, x, NULL) && BN_is_one(r), "power");
    for (int bytes = 64; bytes <= 512; bytes *= 2) {
        BN_bin2bn(data + 1000, bytes, m), BN_set_bit(m, 0), BN_set_bit(m, bytes * 8 - 1);
        BN_bin2bn(data + 2000, bytes - 1, a), BN_bin2bn(data + 3000, bytes / 4, e);
        need(BN_mod_exp_mont_consttime(r, a, e, m, x, NULL), "power");
        int n = BN_bn2bin(r, out);
        hex("power", "bytes", md, digest("SHA256", out, (size_t)n, md), NULL);
    }
    BN_free(m), BN_free(e), BN_free(r), BN_free(a), BN_CTX_free(x);
}

/* ---------------------------------------------------------------- checksums, compression */

static void checksums(void)
{
    uint64_t sum[4] = {0};
    for (unsigned n = 0; n < 2000; n++) {
        XXH128_hash_t h = XXH3_128bits(data + n % 31, n);
        sum[0] = sum[0] * 3 + XXH64(data + n % 31, n, n);
        sum[1] = sum[1] * 3 + XXH3_64bits(data + n % 31, n);
        sum[2] = sum[2] * 3 + h.low64 + h.high64 * 5;
        sum[3] = sum[3] * 3 + XXH32(data + n % 31, n, n);
    }
    sum[1] += XXH3_64bits(data, SIZE);
    hex("xxHash", "all", (unsigned char *)sum, sizeof sum, NULL);
}

static void compression(void)
{
    static const int levels[] = {-5, 1, 3, 9, 19};
    unsigned char md[EVP_MAX_MD_SIZE];
    for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        size_t n = ZSTD_compress(out, sizeof out, data, SIZE, levels[i]);
        need(!ZSTD_isError(n) && ZSTD_decompress(back, sizeof back, out, n) == SIZE &&
                 !memcmp(back, data, SIZE),
             "zstd");
        hex("zstd", "compressed", md, digest("SHA256", out, n, md), NULL);
    }
}

int main(void)
{
    uint64_t seed = 7;
    for (unsigned i = 0; i < SIZE; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = seed >> 62 ? data[i * (seed >> 40) % (i + 1)] : (unsigned char)(seed >> 33);
    }
    digests();
    ciphers();
    powers();
    checksums();
    compression();
    return 0;
}
