/* OpenBLAS, which multiplies large matrices of floats: the f32 precision, layouts.
 *
 *     sgemm_function *sgemm;
 *     if (blas_open("the precision f32", &sgemm, &err) != STATUS_OK) …
 *
 * It is loaded when it is first needed and not with the program: on being loaded it starts a
 * thread for every core but one, and they spin for a tenth of a second before they sleep.
 */
#ifndef COGNATE_COMMON_BLAS_H
#define COGNATE_COMMON_BLAS_H

#include <cblas.h>

#include "common/status.h"

typedef __typeof__(cblas_sgemm) sgemm_function;

/* UNSUPPORTED where the library is not installed, which the message says of `what`. It stays loaded. */
enum status blas_open(const char *what, sgemm_function **out, struct error *err);

#endif
