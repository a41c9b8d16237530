/* Any text is a query; what it asks FTS5; where its words stand in a text. */
#include "unit.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "index/fts.h"
#include "index/terms.h"

/* Expressions of all terms, with ' behind a part, ! behind a code. */
static void assert_terms(const char *query, const char *wanted)
{
    struct terms t;
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(terms_open(&t, text_of(query), NULL), STATUS_OK);
    for (size_t i = 0; i < t.count; i++) {
        assert_int_equal(buf_append(&out, " ", i > 0, NULL), STATUS_OK);
        assert_int_equal(term_expression(&t, &t.items[i], &out, NULL), STATUS_OK);
        assert_int_equal(
            buf_printf(&out, NULL, "%s%s", t.items[i].part ? "'" : "", t.items[i].code ? "!" : ""),
            STATUS_OK);
    }
    if (!text_is(buf_text(&out), wanted))
        fail_msg("%s asks %.*s, not %s", query, (int)out.len, out.data, wanted);
    buf_release(&out);
    terms_close(&t);
}

static void words_phrases_beginnings(void **state)
{
    (void)state;
    assert_terms("late trains, Late", "\"late\" \"trains\"");
    assert_terms("\"Late trains\" refund", "\"late\"+\"trains\" \"refund\"");
    assert_terms("\u201cLate trains\u201d \u00abà pied\u00bb", "\"late\"+\"trains\" \"a\"+\"pied\"");
    assert_terms("elec* pump", "\"elec\"* \"pump\"");
    assert_terms("AB-12 x", "\"ab-12\"! \"ab\"' \"12\"' \"x\"");
    assert_terms("\"state-of-the art\"", "\"state-of-the\"+\"of\"+\"the\"+\"art\"");
    assert_terms("\"ERR_X\"", "\"err_x\"+\"x\"");
    assert_terms("서울에서", "\"서울에서\" \"서울\"' \"울에\"' \"에서\"'");
}

static void no_syntax(void **state)
{
    (void)state;
    assert_terms("", "");
    assert_terms("\"\" * - ( ) ^ :", "");
    assert_terms("NEAR(a b) AND title:x OR NOT y",
                 "\"near\" \"a\" \"b\" \"and\" \"title:x\" \"title\"' \"x\"' \"or\" \"not\" \"y\"");
    assert_terms("an open \"quote", "\"an\" \"open\" \"quote\"");
    assert_terms("צה\"ל", "\"צה\"\"ל\" \"צה\"' \"ל\"'");
    assert_terms("5\" pipe 3\" pipe", "\"5\" \"pipe\" \"3\"");
    assert_terms("*", "");
}

static void long_queries(void **state)
{
    (void)state;
    struct terms t;
    struct buf query;
    buf_init(&query, 1 << 20);
    assert_int_equal(buf_append(&query, "\"", 1, NULL), STATUS_OK);
    for (int i = 0; i < 500; i++)
        assert_int_equal(buf_printf(&query, NULL, "%d ", i), STATUS_OK);
    assert_int_equal(buf_append(&query, "\" ", 2, NULL), STATUS_OK);
    for (int i = 0; i < 500; i++)
        assert_int_equal(buf_printf(&query, NULL, "%d ", i), STATUS_OK);
    assert_int_equal(terms_open(&t, buf_text(&query), NULL), STATUS_OK);
    assert_int_equal(t.count, TERMS_MOST);
    assert_int_equal(t.items[0].len, PHRASE_MOST);
    assert_int_equal(t.phrases, 1);
    terms_close(&t);
    buf_release(&query);
}

static void assert_marks(const char *query, const char *text, const char *wanted)
{
    struct terms t;
    struct marks marks = {0};
    struct buf out;
    size_t at = 0;
    buf_init(&out, 1 << 20);
    assert_int_equal(terms_open(&t, text_of(query), NULL), STATUS_OK);
    assert_int_equal(terms_mark(&t, text_of(text), &marks, NULL), STATUS_OK);
    for (size_t i = 0; i < marks.count; i++) {
        const struct mark *m = &marks.items[i];
        assert_true(m->start >= at && m->end > m->start && m->end <= strlen(text));
        assert_int_equal(buf_printf(&out, NULL, "%.*s[%.*s]", (int)(m->start - at), text + at,
                                    (int)(m->end - m->start), text + m->start),
                         STATUS_OK);
        at = m->end;
    }
    assert_int_equal(buf_printf(&out, NULL, "%s", text + at), STATUS_OK);
    if (!text_is(buf_text(&out), wanted))
        fail_msg("%s marks %.*s, not %s", query, (int)out.len, out.data, wanted);
    buf_release(&out);
    free(marks.items);
    terms_close(&t);
}

static void marks(void **state)
{
    (void)state;
    assert_marks("train", "Trains, a TRAIN and strain", "Trains, a [TRAIN] and strain");
    assert_marks("uber*", "Der Zug fährt überall, über", "Der Zug fährt [überall], [über]");
    assert_marks("\"late train\"", "late, a late Train; train late", "late, a [late Train]; train late");
    assert_marks("\"a a b\"", "a a a b", "a [a a b]");
    assert_marks("AB-12", "the ab-12, ab 12", "the [ab-12], [ab] [12]");
    assert_marks("서울", "서울에서", "[서울]에서");
    assert_marks("nothing", "of that", "of that");
}

/* FTS5 takes the expression of any query. */
static void never_an_error(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "\"",  "\"\"", "a\"b",   "\"*\"",  "* a*",       "a* b*", "צה\"ל \"צה\"ל\"",
        "NOT", "^a",   "{a}:b",  "a+b",    "\"a\"\"b\"", "(",     ")",
        "'",   "\\",   "ＡＢ\"", "𠀀𠀁𠀂", "\x01\x02"};
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(fts_register(db, NULL), STATUS_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE VIRTUAL TABLE k USING fts5(title, text, tokenize = 'cognate')",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT rowid FROM k WHERE k MATCH ?1", -1, &st, NULL),
                     SQLITE_OK);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct terms t;
        struct buf out;
        buf_init(&out, 1 << 20);
        assert_int_equal(terms_open(&t, text_of(queries[i]), NULL), STATUS_OK);
        for (size_t j = 0; j < t.count; j++) {
            buf_clear(&out);
            assert_int_equal(term_expression(&t, &t.items[j], &out, NULL), STATUS_OK);
            sqlite3_bind_text(st, 1, out.data, (int)out.len, SQLITE_STATIC);
            if (sqlite3_step(st) != SQLITE_DONE)
                fail_msg("%s: %s", out.data, sqlite3_errmsg(db));
            sqlite3_reset(st);
        }
        buf_release(&out);
        terms_close(&t);
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_phrases_beginnings),
        cmocka_unit_test(no_syntax),
        cmocka_unit_test(long_queries),
        cmocka_unit_test(marks),
        cmocka_unit_test(never_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
