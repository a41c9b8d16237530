/* Office documents and books, packed here by libarchive. */
#include "unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>

#include "cli/office.h"

struct member {
    const char *name, *content;
};

static char packed[1 << 20];

static struct text pack(const struct member *members)
{
    size_t used = 0;
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format_zip(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(a, packed, sizeof packed, &used), ARCHIVE_OK);
    for (; members->name != NULL; members++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, members->name);
        archive_entry_set_size(entry, (la_int64_t)strlen(members->content));
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(a, members->content, strlen(members->content)),
                         (la_ssize_t)strlen(members->content));
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return (struct text){packed, used};
}

static void reads_as(enum office_kind kind, const struct member *members, const char *text, const char *title)
{
    struct prose p;
    struct office_facts facts;
    struct error err = {0};
    prose_init(&p, 1 << 20);
    if (office_text_memory(pack(members), kind, &p, &facts, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_string_equal(p.out.data, text);
    assert_string_equal(facts.title.data != NULL ? facts.title.data : "", title);
    office_facts_release(&facts);
    prose_release(&p);
}

static void refuses(enum office_kind kind, struct text bytes, enum status status)
{
    struct prose p;
    struct office_facts facts;
    prose_init(&p, 1 << 20);
    assert_int_equal(office_text_memory(bytes, kind, &p, &facts, NULL), status);
    prose_release(&p);
}

#define W "xmlns:w=\"w\""

static void word_documents(void **state)
{
    (void)state;
    reads_as(OFFICE_DOCX,
             (const struct member[]){
                 {"[Content_Types].xml", "<x/>"},
                 {"word/document.xml",
                  "<w:document " W
                  "><w:body><w:p><w:pPr><w:pStyle w:val=\"Heading2\"/></w:pPr><w:r><w:t>Snow</w:t></w:r>"
                  "</w:p><w:p><w:r><w:t xml:space=\"preserve\">It "
                  "</w:t></w:r><w:r><w:t>fell</w:t><w:tab/><w:t>late."
                  "</w:t><w:br/><w:t>Then "
                  "rain.</w:t><w:instrText>PAGE</w:instrText><w:delText>gone</w:delText></w:r></w:p>"
                  "</w:body></w:document>"},
                 {"docProps/core.xml", "<c xmlns:dc=\"d\"><dc:title>On snow</dc:title></c>"},
                 {0}},
             "## Snow\n\nIt fell late.\nThen rain.", "On snow");
    refuses(OFFICE_DOCX, pack((const struct member[]){{"other.xml", "<a/>"}, {0}}), STATUS_INVALID);
    refuses(OFFICE_DOCX, text_of("no archive"), STATUS_INVALID);
    refuses(OFFICE_DOCX, pack((const struct member[]){{"word/document.xml", "<a><b></a>"}, {0}}),
            STATUS_INVALID);
}

static void slides_by_number(void **state)
{
    (void)state;
#define SLIDE(title)                                                                                         \
    "<p:sld xmlns:p=\"p\" xmlns:a=\"a\"><p:sp><p:nvPr><p:ph type=\"title\"/></p:nvPr><a:p><a:t>" title       \
    "</a:t></a:p></p:sp><p:sp><a:p><a:t>body</a:t></a:p></p:sp></p:sld>"
    reads_as(OFFICE_PPTX,
             (const struct member[]){{"ppt/slides/slide10.xml", SLIDE("Ten")},
                                     {"ppt/slides/slide2.xml", SLIDE("Two")},
                                     {"ppt/slides/_rels/slide2.xml.rels", "<x/>"},
                                     {0}},
             "## Two\n\nbody\n\f## Ten\n\nbody", "");
    refuses(OFFICE_PPTX, pack((const struct member[]){{"a", ""}, {0}}), STATUS_INVALID);
}

static void open_documents(void **state)
{
    (void)state;
    reads_as(
        OFFICE_ODF,
        (const struct member[]){
            {"content.xml",
             "<o:c xmlns:o=\"o\" xmlns:t=\"t\"><t:tracked-changes><t:p>old</t:p></t:tracked-changes><t:h "
             "t:outline-level=\"1\">Ice</t:h>stray<t:p>It "
             "<t:span>melts</t:span><t:s/>fast.<t:line-break/>Soon.</t:p>"
             "</o:c>"},
            {"meta.xml", "<m xmlns:dc=\"d\"><dc:title>About ice</dc:title></m>"},
            {0}},
        "# Ice\n\nIt melts fast.\nSoon.", "About ice");
}

static void books_by_their_spine(void **state)
{
    (void)state;
    reads_as(
        OFFICE_EPUB,
        (const struct member[]){
            {"META-INF/container.xml", "<c><rootfile full-path=\"O/p.opf\"/></c>"},
            {"O/p.opf",
             "<package xmlns:dc=\"d\"><dc:title>Book</dc:title><manifest><item id=\"a\" "
             "href=\"c%201.xhtml#x\"/>"
             "<item id=\"b\" href=\"two.xhtml\"/><item id=\"c\" href=\"../../etc/passwd\"/></manifest>"
             "<spine><itemref idref=\"b\"/><itemref idref=\"a\"/><itemref idref=\"c\"/></spine></package>"},
            {"O/c 1.xhtml", "<html><body><p>later</p></body></html>"},
            {"O/two.xhtml", "<html><body><h1>First</h1><p>sooner</p></body></html>"},
            {0}},
        "# First\n\nsooner\n\flater", "Book");
    refuses(OFFICE_EPUB, pack((const struct member[]){{"META-INF/container.xml", "<c/>"}, {0}}),
            STATUS_INVALID);
}

/* Entities, and more than may be unpacked. */
static void refuses_bombs(void **state)
{
    (void)state;
    refuses(OFFICE_ODF,
            pack((const struct member[]){
                {"content.xml", "<!DOCTYPE a [<!ENTITY e \"eeee\">]><a xmlns:t=\"t\"><t:p>&e;&e;</t:p></a>"},
                {0}}),
            STATUS_INVALID);
    static char large[(8 << 20) + 1];
    memset(large, ' ', sizeof large - 1);
    struct member many[12] = {{0}};
    static char names[10][24];
    for (size_t i = 0; i < 10; i++) {
        snprintf(names[i], sizeof names[i], "ppt/slides/slide%zu.xml", i + 1);
        many[i] = (struct member){names[i], large};
    }
    refuses(OFFICE_PPTX, pack(many), STATUS_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(word_documents), cmocka_unit_test(slides_by_number),
                                       cmocka_unit_test(open_documents),
                                       cmocka_unit_test(books_by_their_spine),
                                       cmocka_unit_test(refuses_bombs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
