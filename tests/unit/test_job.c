/* Jobs are rows: they wait, are taken in order, tell how far they are, and end once. */
#include "scratch_store.h"

#include "index/job.h"

static int64_t add(struct store *s, const char *kind, size_t rows)
{
    int64_t id = 0;
    struct text bodies[5];
    struct error err = {0};
    for (size_t i = 0; i < rows; i++)
        bodies[i] = (struct text){"abcde" + i, 1};
    if (store_job_add(s, &(struct job){.kind = text_of(kind), .collection = text_of("c"), .total = rows},
                      bodies, rows, &id, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return id;
}

static void taken_in_order_and_taken_up_again(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct job job = {0};
    struct text *rows;
    size_t n;
    bool found = true;
    assert_int_equal(store_job_take(s, &job, &found, NULL), STATUS_OK);
    assert_false(found);
    int64_t first = add(s, "one", 5), second = add(s, "two", 0);
    assert_int_equal(store_job_take(s, &job, &found, NULL), STATUS_OK);
    assert_true(found && job.id == first);
    assert_int_equal(job.state, JOB_RUNNING);
    assert_string_equal(job.arguments.data, "{}");
    assert_true(job.started > 0);
    assert_int_equal(store_job_rows(s, first, 0, 2, &rows, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    assert_string_equal(rows[1].data, "b");
    job_rows_free(rows, n);
    job.position = job.done = 3;
    job.errors = 1;
    assert_int_equal(store_job_update(s, &job, NULL), STATUS_OK);
    job_release(&job);
    store_close(s); /* as if the process had ended */

    s = scratch_open(STORE_WRITE);
    assert_int_equal(store_job_take(s, &job, &found, NULL), STATUS_OK);
    assert_true(found && job.id == first && job.position == 3 && job.errors == 1);
    assert_int_equal(store_job_rows(s, first, job.position, 10, &rows, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].data, "d");
    job_rows_free(rows, n);
    job.state = JOB_DONE;
    assert_int_equal(store_job_update(s, &job, NULL), STATUS_OK);
    job_release(&job);
    assert_int_equal(store_job_rows(s, first, 0, 10, &rows, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0); /* its rows are of no use any more */
    job_rows_free(rows, n);
    assert_int_equal(store_job_take(s, &job, &found, NULL), STATUS_OK);
    assert_true(found && job.id == second);
    job_release(&job);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    store_close(s);
}

static void cancelled(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct job job = {0}, *jobs;
    size_t n;
    bool found;
    int64_t waiting = add(s, "waiting", 1), running = add(s, "running", 1);
    assert_int_equal(store_job_cancel(s, waiting, NULL), STATUS_OK);
    assert_int_equal(store_job_cancel(s, waiting, NULL), STATUS_CONFLICT);
    assert_int_equal(store_job_cancel(s, 99, NULL), STATUS_NOT_FOUND);
    assert_int_equal(store_job_take(s, &job, &found, NULL), STATUS_OK);
    assert_true(found && job.id == running);
    assert_int_equal(store_job_cancel(s, running, NULL), STATUS_OK);
    job.state = JOB_DONE;
    assert_int_equal(store_job_update(s, &job, NULL), STATUS_CANCELLED);
    job_release(&job);
    assert_int_equal(store_jobs(s, &jobs, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    assert_true(jobs[0].id == running && jobs[0].state == JOB_CANCELLED && jobs[1].state == JOB_CANCELLED);
    jobs_free(jobs, n);
    store_close(s);
}

static void old_ones_are_forgotten(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct job *jobs;
    size_t n;
    int64_t kept = add(s, "waits for ever", 0), last = 0;
    for (int i = 0; i < JOBS_KEPT / 4 * 5; i++) {
        last = add(s, "x", 0);
        assert_int_equal(store_job_cancel(s, last, NULL), STATUS_OK);
    }
    add(s, "y", 0);
    assert_int_equal(store_jobs(s, &jobs, &n, NULL), STATUS_OK);
    assert_int_equal(n, JOBS_KEPT + 2);
    assert_true(jobs[1].id == last && jobs[n - 1].id == kept);
    jobs_free(jobs, n);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(taken_in_order_and_taken_up_again, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(cancelled, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(old_ones_are_forgotten, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
