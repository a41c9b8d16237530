/* cmocka with the headers it wants in front of it. */
#ifndef COGNATE_TESTS_UNIT_H
#define COGNATE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
