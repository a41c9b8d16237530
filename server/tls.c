#include "server/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/buf.h"
#include "common/file.h"

#define FILE_BYTES ((size_t)1 << 20)

struct tls {
    atomic_uint shares;
    gnutls_certificate_credentials_t credentials;
    struct buf certificate, key;
    int64_t expires;
};

void tls_release(struct tls *tls)
{
    if (tls == NULL || atomic_fetch_sub(&tls->shares, 1) > 1)
        return;
    if (tls->credentials != NULL)
        gnutls_certificate_free_credentials(tls->credentials);
    if (tls->key.data != NULL)
        explicit_bzero(tls->key.data, tls->key.len);
    buf_release(&tls->key);
    buf_release(&tls->certificate);
    free(tls);
}

/* Reads a file and puts a NUL behind it. */
static enum status read_file(const char *path, struct buf *out, struct error *err)
{
    enum status status = file_read(path, out, err);
    return status == STATUS_OK ? buf_append(out, "", 1, err) : status;
}

static enum status check_key_file(const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return error_system(err, errno, "read the TLS key in", path);
    if ((st.st_mode & (S_IROTH | S_IWGRP | S_IWOTH)) != 0)
        return error_set(
            err, STATUS_FORBIDDEN,
            "others may read or write the TLS key in %s; chmod 600 it (or 640, for a group of its own)",
            path);
    return STATUS_OK;
}

static gnutls_datum_t datum_of(const struct buf *file)
{
    return (gnutls_datum_t){(unsigned char *)file->data, (unsigned)file->len - 1};
}

/* What of the two files is wrong, when GnuTLS takes them not as a pair. */
static enum status explain(const struct tls *tls, const char *certificate, const char *key, int code,
                           struct error *err)
{
    gnutls_datum_t data = datum_of(&tls->key);
    gnutls_x509_privkey_t own = NULL;
    int broken = gnutls_x509_privkey_init(&own);
    if (broken == 0) {
        broken = gnutls_x509_privkey_import2(own, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
        gnutls_x509_privkey_deinit(own);
    }
    if (broken == GNUTLS_E_DECRYPTION_FAILED)
        return error_set(err, STATUS_INVALID,
                         "the TLS key in %s is encrypted; store it without a password, for its "
                         "owner alone",
                         key);
    if (broken != 0)
        return error_set(err, STATUS_INVALID, "%s holds no private key in PEM form (%s)", key,
                         gnutls_strerror(broken));
    if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return error_set(err, STATUS_INVALID, "the key in %s does not belong to the certificate in %s", key,
                         certificate);
    return error_set(err, STATUS_INVALID, "%s holds no certificate in PEM form that can be used (%s)",
                     certificate, gnutls_strerror(code));
}

/* The last second of the first certificate of the chain. */
static enum status read_expiry(struct tls *tls, const char *certificate, struct error *err)
{
    gnutls_datum_t data = datum_of(&tls->certificate);
    gnutls_x509_crt_t *chain = NULL;
    unsigned n = 0;
    int code = gnutls_x509_crt_list_import2(&chain, &n, &data, GNUTLS_X509_FMT_PEM, 0);
    if (code < 0)
        return error_set(err, STATUS_INVALID, "%s holds no certificate in PEM form that can be used (%s)",
                         certificate, gnutls_strerror(code));
    if (n > 0)
        tls->expires = (int64_t)gnutls_x509_crt_get_expiration_time(chain[0]);
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
    return STATUS_OK;
}

enum status tls_load(const char *certificate, const char *key, struct tls **out, struct error *err)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return error_memory(err, "reading the TLS certificate");
    atomic_init(&tls->shares, 1);
    buf_init(&tls->certificate, FILE_BYTES);
    buf_init(&tls->key, FILE_BYTES);
    enum status status = read_file(certificate, &tls->certificate, err);
    if (status == STATUS_OK)
        status = check_key_file(key, err);
    if (status == STATUS_OK)
        status = read_file(key, &tls->key, err);
    if (status == STATUS_OK && gnutls_certificate_allocate_credentials(&tls->credentials) != 0)
        status = error_memory(err, "reading the TLS certificate");
    if (status == STATUS_OK) {
        gnutls_datum_t chain = datum_of(&tls->certificate), own = datum_of(&tls->key);
        int code = gnutls_certificate_set_x509_key_mem2(tls->credentials, &chain, &own, GNUTLS_X509_FMT_PEM,
                                                        NULL, 0);
        if (code < 0)
            status = explain(tls, certificate, key, code, err);
    }
    if (status == STATUS_OK)
        status = read_expiry(tls, certificate, err);
    if (status == STATUS_OK)
        *out = tls;
    else
        tls_release(tls);
    return status;
}

enum status tls_use(struct tls *tls, void *session, struct error *err)
{
    int code = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
    if (code != 0)
        return error_set(err, STATUS_NO_MEMORY, "a TLS session takes no certificate: %s",
                         gnutls_strerror(code));
    atomic_fetch_add(&tls->shares, 1);
    return STATUS_OK;
}

void tls_send(void *session, struct text bytes)
{
    ssize_t sent = gnutls_record_send(session, bytes.data, bytes.len);
    (void)sent; /* as with a plain socket: a client that does not read misses the reason, nothing else */
}

int64_t tls_expires(const struct tls *tls)
{
    return tls->expires;
}

const char *tls_certificate(const struct tls *tls)
{
    return tls->certificate.data;
}

const char *tls_key(const struct tls *tls)
{
    return tls->key.data;
}
