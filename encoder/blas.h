/* OpenBLAS, which multiplies the matrices of the f32 precision and nothing else.
 *
 *     sgemm_function *sgemm;
 *     if (blas_open(&sgemm, &err) != STATUS_OK) …
 *
 * It is loaded when the first such model is opened and not with the program: on being loaded it starts a
 * thread for every core but one, and they spin for a tenth of a second before they sleep.
 */
#ifndef COGNATE_ENCODER_BLAS_H
#define COGNATE_ENCODER_BLAS_H

#include <cblas.h>

#include "common/status.h"

typedef __typeof__(cblas_sgemm) sgemm_function;

/* UNSUPPORTED where the library is not installed. It stays loaded. */
enum status blas_open(sgemm_function **out, struct error *err);

#endif
