/* What this machine can do at its best, to be set beside what the encoder and the scan do.
 *
 *     double ops = 0, bytes = 0;
 *     if (peak_arithmetic(ISA_AVX512, PRECISION_INT8, 2, 0.2, &ops, &err) == STATUS_OK && ops > 0)
 *         printf("%.0f %% of the peak\n", 100 * done / ops);
 *
 * Every function runs for about `seconds` and gives the best of many short rounds, since other programs may
 * share the machine. Threads run at the same time; their best rounds are added up. A multiply-add counts as
 * two operations. NO_MEMORY and what starting a thread can return are the only failures.
 */
#ifndef COGNATE_ENCODER_PEAK_H
#define COGNATE_ENCODER_PEAK_H

#include <stddef.h>

#include "encoder/encoder.h"

/* Operations a second of a loop of independent multiply-adds in registers: the instruction that the int8
 * kernels of `isa` are made of, or for PRECISION_F32 the widest float one of this machine, as OpenBLAS takes
 * it. 0 when there is none to name (ISA_REFERENCE). */
enum status peak_arithmetic(enum isa isa, enum precision precision, unsigned threads, double seconds,
                            double *ops, struct error *err);

/* Bytes a second of reading `bytes` of memory (divided among the threads) over and over with the loads of
 * `isa`. */
enum status peak_read(enum isa isa, size_t bytes, unsigned threads, double seconds, double *rate,
                      struct error *err);

/* Operations a second of the int8 kernel for a linear layer of in × out (multiples of 64) over `rows` rows,
 * on one thread. */
enum status peak_linear(enum isa isa, size_t in, size_t out, size_t rows, double seconds, double *ops,
                        struct error *err);

#endif
