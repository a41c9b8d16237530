/* Certificates of the test's own making: the pair is taken, everything else is named. */
#include "unit.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "server/tls.h"

#define ENDS 2000000000 /* Unix seconds */

static char folder[] = "/tmp/cognate-tls-XXXXXX";
static char certificate[64], key[64], other_key[64];

static void write_file(const char *path, gnutls_datum_t *data)
{
    assert_int_equal(file_write_atomic(path, data->data, data->size, NULL), STATUS_OK);
    assert_int_equal(chmod(path, 0600), 0);
    gnutls_free(data->data);
}

static gnutls_x509_privkey_t make_key(const char *path)
{
    gnutls_x509_privkey_t made;
    gnutls_datum_t text = {0};
    assert_int_equal(gnutls_x509_privkey_init(&made), 0);
    assert_int_equal(gnutls_x509_privkey_generate(made, GNUTLS_PK_ECDSA,
                                                  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_privkey_export2(made, GNUTLS_X509_FMT_PEM, &text), 0);
    write_file(path, &text);
    return made;
}

static int make_files(void **state)
{
    gnutls_x509_crt_t made;
    gnutls_datum_t text = {0};
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(certificate, sizeof certificate, "%s/certificate", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    snprintf(other_key, sizeof other_key, "%s/other", folder);
    gnutls_x509_privkey_deinit(make_key(other_key));
    gnutls_x509_privkey_t own = make_key(key);
    if (gnutls_x509_crt_init(&made) != 0 || gnutls_x509_crt_set_version(made, 3) != 0 ||
        gnutls_x509_crt_set_serial(made, "\1", 1) != 0 ||
        gnutls_x509_crt_set_activation_time(made, ENDS - 1000) != 0 ||
        gnutls_x509_crt_set_expiration_time(made, ENDS) != 0 ||
        gnutls_x509_crt_set_dn(made, "CN=localhost", NULL) != 0 || gnutls_x509_crt_set_key(made, own) != 0 ||
        gnutls_x509_crt_sign2(made, made, own, GNUTLS_DIG_SHA256, 0) != 0 ||
        gnutls_x509_crt_export2(made, GNUTLS_X509_FMT_PEM, &text) != 0)
        return -1;
    write_file(certificate, &text);
    gnutls_x509_crt_deinit(made);
    gnutls_x509_privkey_deinit(own);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(certificate);
    unlink(key);
    unlink(other_key);
    return rmdir(folder);
}

static void a_pair_is_taken(void **state)
{
    struct tls *tls = NULL;
    struct error err = {0};
    (void)state;
    assert_int_equal(tls_load(certificate, key, &tls, &err), STATUS_OK);
    assert_int_equal(tls_expires(tls), ENDS);
    assert_int_equal(strncmp(tls_certificate(tls), "-----BEGIN CERTIFICATE-----", 27), 0);
    assert_non_null(strstr(tls_key(tls), "PRIVATE KEY-----"));
    tls_release(tls);
    tls_release(NULL);
}

/* A session outlives the release of what it shows. */
static void sessions_keep_their_share(void **state)
{
    struct tls *tls = NULL;
    gnutls_session_t session;
    void *held = NULL;
    (void)state;
    assert_int_equal(tls_load(certificate, key, &tls, NULL), STATUS_OK);
    assert_int_equal(gnutls_init(&session, GNUTLS_SERVER), 0);
    assert_int_equal(gnutls_priority_set_direct(session, TLS_PRIORITIES, NULL), 0);
    assert_int_equal(tls_use(tls, session, NULL), STATUS_OK);
    tls_release(tls);
    assert_int_equal(gnutls_credentials_get(session, GNUTLS_CRD_CERTIFICATE, &held), 0);
    assert_non_null(held);
    assert_int_equal(tls_expires(tls), ENDS);
    gnutls_deinit(session);
    tls_release(tls);
}

static void wrong_files_are_named(void **state)
{
    const struct {
        const char *certificate, *key;
        enum status status;
        const char *says[2];
    } cases[] = {
        {certificate, other_key, STATUS_INVALID, {other_key, "does not belong"}},
        {key, key, STATUS_INVALID, {key, "no certificate"}},
        {certificate, certificate, STATUS_INVALID, {certificate, "no private key"}},
        {"/nowhere/c", key, STATUS_NOT_FOUND, {"/nowhere/c", ""}},
        {certificate, "/nowhere/k", STATUS_NOT_FOUND, {"/nowhere/k", ""}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls *tls = NULL;
        struct error err = {0};
        assert_int_equal(tls_load(cases[i].certificate, cases[i].key, &tls, &err), cases[i].status);
        assert_null(tls);
        assert_non_null(strstr(err.text, cases[i].says[0]));
        assert_non_null(strstr(err.text, cases[i].says[1]));
    }
}

static void a_key_for_everybody_is_refused(void **state)
{
    static const struct {
        mode_t mode;
        enum status status;
    } cases[] = {{0600, STATUS_OK}, {0640, STATUS_OK}, {0644, STATUS_FORBIDDEN}, {0660, STATUS_FORBIDDEN}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls *tls = NULL;
        struct error err = {0};
        assert_int_equal(chmod(key, cases[i].mode), 0);
        assert_int_equal(tls_load(certificate, key, &tls, &err), cases[i].status);
        assert_true(cases[i].status == STATUS_OK || strstr(err.text, "chmod 600") != NULL);
        tls_release(tls);
    }
    assert_int_equal(chmod(key, 0600), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_taken),
        cmocka_unit_test(sessions_keep_their_share),
        cmocka_unit_test(wrong_files_are_named),
        cmocka_unit_test(a_key_for_everybody_is_refused),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
