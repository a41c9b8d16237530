#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rows.h"
#include "common/buf.h"

/* What came out, a line a row: "@LINE id|text|title|lang|metadata" or "!LINE reason". */
struct record {
    struct buf out;
    size_t stop; /* rows after which it stops; 0 for never */
};

static enum status take(void *context, json_t *document, size_t row, size_t line, struct error *err)
{
    struct record *r = context;
    static const char *const names[] = {"id", "text", "title", "lang"};
    assert_int_equal(buf_printf(&r->out, err, "@%zu ", line), STATUS_OK);
    for (size_t i = 0; i < 4; i++) {
        const char *value = json_string_value(json_object_get(document, names[i]));
        assert_int_equal(buf_printf(&r->out, err, "%s|", value != NULL ? value : ""), STATUS_OK);
    }
    char *metadata = json_dumps(json_object_get(document, "metadata"), JSON_COMPACT | JSON_SORT_KEYS);
    assert_int_equal(buf_printf(&r->out, err, "%s\n", metadata != NULL ? metadata : ""), STATUS_OK);
    free(metadata);
    json_decref(document);
    return row == r->stop ? error_set(err, STATUS_CANCELLED, "enough") : STATUS_OK;
}

static enum status refuse(void *context, size_t line, const char *reason, struct error *err)
{
    struct record *r = context;
    return buf_printf(&r->out, err, "!%zu %s\n", line, reason);
}

static void reads_with(enum rows_kind kind, const struct row_fields *fields, const char *bytes, size_t n,
                       const char *wanted, enum status result)
{
    struct error err = {0};
    struct record record = {0};
    struct row_sink sink = {take, refuse, &record};
    struct charset *in = calloc(1, sizeof *in);
    assert_non_null(in);
    buf_init(&record.out, 1 << 20);
    assert_int_equal(charset_open_memory(in, (struct text){bytes, n}, NULL, &err), STATUS_OK);
    assert_int_equal(rows_read(kind, in, fields, &sink, &err), result);
    if (strcmp(record.out.data != NULL ? record.out.data : "", wanted) != 0)
        fail_msg("got\n%swanted\n%s", record.out.data, wanted);
    charset_close(in);
    free(in);
    buf_release(&record.out);
}

static void reads(enum rows_kind kind, const char *bytes, const char *wanted)
{
    reads_with(kind, &(struct row_fields){0}, bytes, strlen(bytes), wanted, STATUS_OK);
}

static void lines_are_texts(void **state)
{
    (void)state;
    reads(ROWS_LINES, "one\r\n\n  two  \nthree", "@1 |one|||\n@3 |two|||\n@4 |three|||\n");
    reads(ROWS_LINES, "good\n\xFF\n",
          "@1 |good|||\n!2 this is not UTF-8; name the encoding with --encoding\n");
    reads(ROWS_LINES, "", "");
}

static void json_lines(void **state)
{
    (void)state;
    reads(ROWS_JSONL,
          "{\"_id\": \"a\", \"title\": \"T\", \"text\": \"x\", \"metadata\": {\"lang\": \"it\", \"n\": 1}}\n"
          "{\"id\": 7, \"content\": \"y\", \"language\": \"de\", \"year\": 2020, \"list\": [1]}\n",
          "@1 a|x|T|it|{\"lang\":\"it\",\"n\":1}\n@2 7|y||de|{\"year\":2020}\n");
    reads(ROWS_JSONL, "{\"text\": \"a\"}\nbroken\n[1]\n{\"text\": 5}\n{\"other\": \"b\"}\n{\"text\": \"c\"}",
          "@1 |a|||\n"
          "!2 column 6: '[' or '{' expected near 'broken'\n"
          "!3 this is not an object\n"
          "!4 the field \"text\" is not a text\n"
          "!5 there is no field \"text\"; choose the text's with --text FIELD\n"
          "@6 |c|||\n");
}

static void json_arrays_and_sequences(void **state)
{
    (void)state;
    reads(ROWS_JSON, " [ {\"text\": \"a}]\\\"\"},\n{\"text\": \"b\", \"m\": true} ]\n",
          "@1 |a}]\"|||\n@2 |b|||{\"m\":true}\n");
    reads(ROWS_JSON, "{\"text\": \"a\"}{\"text\": \"b\"}\n{\n\"text\": \"c\"\n}",
          "@1 |a|||\n@1 |b|||\n@2 |c|||\n");
    reads(ROWS_JSON,
          "[{\"text\": \"a\"}, {\"text\": ", "@1 |a|||\n!1 the object that begins here does not end\n");
    reads(ROWS_JSON, "[{\"text\": \"a\"}", "@1 |a|||\n!1 the array is not closed\n");
    reads(ROWS_JSON, "[]", "");
    reads_with(ROWS_JSON, &(struct row_fields){0}, "[1]", 3, "", STATUS_INVALID);
    reads_with(ROWS_JSON, &(struct row_fields){0}, "[{}] x", 6,
               "!1 there is no field \"text\"; choose the text's with --text FIELD\n", STATUS_INVALID);
}

static void tables(void **state)
{
    (void)state;
    reads(ROWS_CSV, "id,title,text,year\r\n1,One,\"a, \"\"b\"\"\nc\",2019\r\n\r\n2,Two,d,\r\n",
          "@2 1|a, \"b\"\nc|One||{\"year\":\"2019\"}\n@5 2|d|Two||\n");
    reads(ROWS_CSV, "\xEF\xBB\xBFid;text\n1;a, b\n", "@2 1|a, b|||\n");
    reads(ROWS_CSV, "id,text\n1\n2,a,b\n3,c\n",
          "!2 this row has 1 fields, and the header has 2\n!3 this row has 3 fields, and the header has "
          "2\n@4 3|c|||\n");
    reads(ROWS_CSV, "id,text\n1,\xFF\n2,b\n",
          "!2 this row is not UTF-8; name the encoding with --encoding\n@3 2|b|||\n");
    reads(ROWS_CSV, "id,text\n1,a\n2,\"never closed\nand on",
          "@2 1|a|||\n!3 a quote of this row is not closed\n");
    reads(ROWS_CSV, "", "");
    reads(ROWS_CSV, "id,text\n", "");
    reads_with(ROWS_CSV, &(struct row_fields){0}, "a,a\n", 4, "", STATUS_INVALID);
    reads(ROWS_TSV, "id\ttext\n1\t\"quotes\" stay\n2\t\"alone\n",
          "@2 1|\"quotes\" stay|||\n@3 2|\"alone|||\n");
}

static void fields_are_chosen(void **state)
{
    (void)state;
    static const struct option options[] = {{.name = "meta", .type = OPTION_TEXT, .repeated = true}, {0}};
    static const char table[] =
        "key,abstract,kind,year,pages\nk1,words,draft,1999,12\nk2,words,draft,soon,\n";
    char *argv[] = {(char *)"cognate", (char *)"--meta=year:number", (char *)"--meta=pages:number"};
    struct arguments a = {.own = options};
    assert_int_equal(arguments_init(&a, 3, argv, NULL), STATUS_OK);
    assert_int_equal(arguments_read(&a, 3, argv, 1, false, NULL, NULL), STATUS_OK);
    struct row_fields fields = {
        .id = "key", .text = "abstract", .title = "kind", .language = "en", .arguments = &a};
    reads_with(ROWS_CSV, &fields, table, sizeof table - 1,
               "@2 k1|words|draft|en|{\"pages\":12,\"year\":1999}\n!3 the field \"year\" is not a number: "
               "\"soon\"\n",
               STATUS_OK);
    arguments_release(&a);
}

static void other_encodings(void **state)
{
    (void)state;
    static const char utf16[] = "\xFF\xFEi\0d\0,\0t\0e\0x\0t\0\n\0\x31\0,\0\xFC\0b\0\n\0";
    reads_with(ROWS_CSV, &(struct row_fields){0}, utf16, sizeof utf16 - 1, "@2 1|üb|||\n", STATUS_OK);
}

static void a_long_file_comes_in_pieces(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    struct buf file, wanted;
    buf_init(&file, 1 << 24);
    buf_init(&wanted, 1 << 24);
    assert_int_equal(buf_printf(&file, NULL, "id,text\n"), STATUS_OK);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(buf_printf(&file, NULL, "%d,\"row\n%d\"\n", i, i), STATUS_OK);
        assert_int_equal(buf_printf(&wanted, NULL, "@%d %d|row\n%d|||\n", 2 + 2 * i, i, i), STATUS_OK);
    }
    struct error err = {0};
    struct record record = {0};
    struct row_sink sink = {take, refuse, &record};
    struct charset *in = calloc(1, sizeof *in);
    assert_non_null(in);
    buf_init(&record.out, 1 << 24);
    assert_int_equal(charset_open_memory(in, buf_text(&file), NULL, &err), STATUS_OK);
    assert_int_equal(rows_read(ROWS_CSV, in, &(struct row_fields){0}, &sink, &err), STATUS_OK);
    assert_true(text_equal(buf_text(&record.out), buf_text(&wanted)));
    charset_close(in);

    /* A sink that has enough ends the reading with its own status. */
    record.stop = 3;
    buf_clear(&record.out);
    assert_int_equal(charset_open_memory(in, buf_text(&file), NULL, &err), STATUS_OK);
    assert_int_equal(rows_read(ROWS_CSV, in, &(struct row_fields){0}, &sink, &err), STATUS_CANCELLED);
    assert_string_equal(record.out.data, "@2 0|row\n0|||\n@4 1|row\n1|||\n@6 2|row\n2|||\n");
    charset_close(in);
    free(in);
    buf_release(&record.out);
    buf_release(&wanted);
    buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_texts),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(json_arrays_and_sequences),
        cmocka_unit_test(tables),
        cmocka_unit_test(fields_are_chosen),
        cmocka_unit_test(other_encodings),
        cmocka_unit_test(a_long_file_comes_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
