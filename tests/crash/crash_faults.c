/* A store whose files fail under it, at every call or at some, and whose machine loses power. */
#include "../unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "fault_vfs.h"
#include "store_life.h"

static void arm_once(uint64_t n)
{
    fault_vfs_arm(FAULT_ONCE, n);
}

static void arm_stays(uint64_t n)
{
    fault_vfs_arm(FAULT_STAYS, n);
}

static void arm_full_disk(uint64_t n)
{
    fault_vfs_arm(FAULT_FULL_DISK, n);
}

static void arm_short_read(uint64_t n)
{
    fault_vfs_arm(FAULT_SHORT_READ, n);
}

static void arm_power(uint64_t n)
{
    fault_vfs_arm(FAULT_POWER, n);
}

/* CORRUPT: `check` finds a page that cannot be read, and not always why. */
static const struct fault once = {
    "a failed call", arm_once, fault_vfs_disarm, NULL, {STATUS_IO, STATUS_CORRUPT}};
static const struct fault stays = {
    "calls that fail", arm_stays, fault_vfs_disarm, NULL, {STATUS_IO, STATUS_CORRUPT}};
static const struct fault full_disk = {
    "a full disk", arm_full_disk, fault_vfs_disarm, NULL, {STATUS_DISK_FULL}};
static const struct fault short_read = {
    "a short read", arm_short_read, fault_vfs_disarm, NULL, {STATUS_IO, STATUS_CORRUPT}};
static const struct fault power = {
    "loss of power", arm_power, fault_vfs_disarm, fault_vfs_lose_power, {STATUS_IO}};

static void whole_life(const struct fault *fault, uint64_t seed, uint64_t stride)
{
    struct life life;
    life_begin(&life, seed);
    for (size_t i = 0; i < life_step_count; i++)
        life_torture(&life, &life_steps[i], fault, stride);
    printf("%s, seed %llu: %llu runs refused, %llu carried through\n", fault->name, (unsigned long long)seed,
           (unsigned long long)life.refused, (unsigned long long)life.carried);
    assert_true(life.refused > 0);
    life_end(&life);
}

static void calls_fail_once(void **state)
{
    (void)state;
    whole_life(&once, 5, 20);
}

static void calls_fail_from_then_on(void **state)
{
    (void)state;
    whole_life(&stays, 5, 20);
}

static void the_disk_is_full_for_a_while(void **state)
{
    (void)state;
    whole_life(&full_disk, 5, 10);
}

static void reads_are_cut_short(void **state)
{
    (void)state;
    whole_life(&short_read, 5, 4);
}

static void power_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (getenv("COGNATE_LONG") != NULL ? 4 : 1); seed++)
        whole_life(&power, seed, 8);
}

static void a_backup_is_on_the_disk_before_it_has_its_name(void **state)
{
    (void)state;
    struct life life;
    struct error err = {0};
    char part[128];
    life_begin(&life, 1);
    snprintf(part, sizeof part, "%s.part", life.backup);
    assert_int_equal(store_backup(life.store, life.backup, true, NULL, &err), STATUS_OK);
    assert_int_equal(fault_vfs_unsynced(part), 0);
    life_end(&life);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]); /* a name with * and ? */
    if (!fault_vfs_install())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_fail_once),
        cmocka_unit_test(calls_fail_from_then_on),

        cmocka_unit_test(the_disk_is_full_for_a_while),
        cmocka_unit_test(reads_are_cut_short),
        cmocka_unit_test(power_is_lost),
        cmocka_unit_test(a_backup_is_on_the_disk_before_it_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
