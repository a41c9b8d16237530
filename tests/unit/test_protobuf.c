#include "unit.h"

#include "encoder/import/protobuf.h"

static struct proto_reader reader(const char *bytes, size_t n)
{
    return proto_of((struct text){bytes, n});
}

static void reads_each_kind_of_field(void **state)
{
    (void)state;
    static const char bytes[] = "\x08\x96\x01"
                                "\x12\x02hi"
                                "\x1d\x00\x00\xc0\x3f"
                                "\x21\x01\x02\x03\x04\x05\x06\x07\x08"
                                "\xf8\xff\xff\xff\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    struct proto_reader r = reader(bytes, sizeof bytes - 1);
    struct proto_field f;
    assert_true(proto_next(&r, &f) && f.number == 1 && f.kind == PROTO_VARINT && f.value == 150);
    assert_true(proto_next(&r, &f) && f.number == 2 && f.kind == PROTO_BYTES && text_is(f.bytes, "hi"));
    assert_true(proto_next(&r, &f) && f.number == 3 && f.kind == PROTO_32 && proto_float(&f) == 1.5f);
    assert_true(proto_next(&r, &f) && f.number == 4 && f.kind == PROTO_64 && f.value == 0x0807060504030201u);
    assert_true(proto_next(&r, &f) && f.number == (1u << 29) - 1 && f.value == UINT64_MAX);
    assert_false(proto_next(&r, &f));
    assert_false(r.damaged);
}

static void damage_ends_the_reading(void **state)
{
    (void)state;
    static const struct text damaged[] = {
        {"\x08", 1},                                              /* no value */
        {"\x08\x80", 2},                                          /* half a number */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a number of 11 bytes */
        {"\x12\x03hi", 4},                                        /* longer than what is left */
        {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* longer than memory */
        {"\x1d\x00\x00\xc0", 4},                                  /* three bytes of four */
        {"\x21\x00\x00\xc0", 4},
        {"\x0b", 1},     /* a group */
        {"\x02\x00", 2}, /* field 0 */
        {"\x0e", 1},     /* a kind that there is not */
    };
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct proto_reader r = proto_of(damaged[i]);
        struct proto_field f;
        assert_false(proto_next(&r, &f));
        assert_true(r.damaged);
        assert_false(proto_next(&r, &f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_kind_of_field),
        cmocka_unit_test(damage_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
