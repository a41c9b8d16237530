/* The certificate that the server shows to those who connect with TLS.
 *
 *     struct tls *tls = NULL;
 *     if (tls_load("chain.pem", "key.pem", &tls, &err) != STATUS_OK) …
 *     tls_use(tls, session);                 // a new session, before its handshake; keeps a share of `tls`
 *     tls_release(tls);                      // when the session has ended, and once for tls_load
 *
 * A certificate is replaced by loading the new one and using that for what connects from then on: sessions
 * that run keep the old one, which is freed with the last of them. TLS 1.2 and 1.3 are spoken
 * (TLS_PRIORITIES), with the ciphers that GnuTLS takes for safe.
 */
#ifndef COGNATE_SERVER_TLS_H
#define COGNATE_SERVER_TLS_H

#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls;

/* Reads a chain of certificates, the server's own first, and its key, both PEM. The key must not be
 * encrypted, not readable for everybody, and not writable for others: FORBIDDEN. INVALID for files that do
 * not hold what they should, or a key of another certificate. A certificate whose time is over is loaded all
 * the same. */
enum status tls_load(const char *certificate, const char *key, struct tls **out, struct error *err);
void tls_release(struct tls *tls); /* accepts NULL */

/* Makes a GnuTLS session show this certificate; borrows it for as long as the session lives. */
enum status tls_use(struct tls *tls, void *session, struct error *err);

/* Sends a few bytes on a session, from the thread that reads it, without waiting. */
void tls_send(void *session, struct text bytes);

int64_t tls_expires(const struct tls *tls); /* Unix seconds; of the server's own certificate */

/* The files' text, borrowed, ending in NUL: for the HTTP library, which wants to see them at its start. */
const char *tls_certificate(const struct tls *tls);
const char *tls_key(const struct tls *tls);

#endif
