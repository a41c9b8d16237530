/* Known answers for the kernels. Server processors exist whose wide vpdpbusd adds up wrong, and hypervisors
 * that announce what they do not run well; a wrong sum would be stored as a vector and never be noticed
 * again.
 *
 *     m->isa = kernels_trusted(cpu_best());
 */
#ifndef COGNATE_ENCODER_SELFTEST_H
#define COGNATE_ENCODER_SELFTEST_H

#include "encoder/kernels.h"

/* Whether `k` gives the bits of the plain C kernels on small inputs that reach every lane and every tail. */
bool kernels_agree(const struct kernels *k);

/* The strongest set up to `wanted` that this machine has and that agrees. */
enum isa kernels_trusted(enum isa wanted);

#endif
