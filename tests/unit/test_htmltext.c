/* Pages as a person reads them. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "cli/htmltext.h"

static void reads_as(const char *html, const char *text, const char *title, const char *language)
{
    struct prose p;
    struct html_facts facts;
    struct error err = {0};
    prose_init(&p, 1 << 20);
    if (html_text(text_of(html), "UTF-8", &p, &facts, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_string_equal(p.out.data != NULL ? p.out.data : "", text);
    assert_string_equal(facts.title.data != NULL ? facts.title.data : "", title);
    assert_string_equal(facts.language, language);
    html_facts_release(&facts);
    prose_release(&p);
}

static void keeps_what_is_read(void **state)
{
    (void)state;
    reads_as(
        "<html lang=de><title> Ein \n Titel</title><body><h1>Brot</h1><p>Es <b>geht</b> auf.<p>Über Nacht.",
        "# Brot\n\nEs geht auf.\n\nÜber Nacht.", "Ein Titel", "de");
    reads_as("<ul><li>a<li>b<ul><li>c</ul></ul>", "- a\n- b\n\n- c", "", "");
    reads_as("<table><tr><th>x<th>y<tr><td>1<td>2</table>after", "x | y\n1 | 2\n\nafter", "", "");
    reads_as("a<br>b<pre> 1\n  2</pre>c&nbsp;d &lt;e&gt; &auml;", "a\nb\n\n 1\n  2\n\nc\u00a0d <e> ä", "",
             "");
    reads_as("<p>שלום<p>مرحبا", "שלום\n\nمرحبا", "", "");
    reads_as("", "", "", "");
}

static void leaves_out_the_rest(void **state)
{
    (void)state;
    reads_as("<body><header>logo</header><nav>menu</nav><p>text</p><aside>ad</aside><footer>(c)</footer>"
             "<script>x()</script><style>p{}</style><noscript>n</noscript><template>t</template>"
             "<p hidden>h</p><p aria-hidden=true>h</p><div role=navigation>r</div><!-- c "
             "--><svg><title>s</title></svg>",
             "text", "", "");
    reads_as("<body><p>around</p><main><header>in</header><p>inside</p></main>", "in\n\ninside", "", "");
    reads_as("<body><p>around</p><article>one</article>", "one", "", "");
    reads_as("<body><p>around</p><article>one</article><article>two</article>", "around\n\none\n\ntwo", "",
             "");
}

/* Nothing is loaded and nothing expanded: what looks like an entity of the page's own stays out. */
static void trusts_nothing(void **state)
{
    (void)state;
    reads_as("<!DOCTYPE html [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><p>a&e;b", "]>\n\na&e;b", "", "");
}

static void nests_deep(void **state)
{
    (void)state;
    enum { DEEP = 20000 };
    char *html = malloc(DEEP * 5 + 2);
    struct prose p;
    struct html_facts facts;
    assert_non_null(html);
    for (size_t i = 0; i < DEEP; i++)
        memcpy(html + 5 * i, "<div>", 5);
    memcpy(html + 5 * DEEP, "x", 2);
    prose_init(&p, 1 << 20);
    assert_int_equal(html_text(text_of(html), "UTF-8", &p, &facts, NULL), STATUS_OK);
    html_facts_release(&facts);
    prose_release(&p);
    free(html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_what_is_read),
                                       cmocka_unit_test(leaves_out_the_rest),
                                       cmocka_unit_test(trusts_nothing), cmocka_unit_test(nests_deep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
