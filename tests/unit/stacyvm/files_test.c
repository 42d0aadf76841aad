#include "stacyvm/files.h"

#include "test.h"

/* As Go's os.FileMode numbers them (io/fs, type FileMode). */
static void modes_of_go(void **state)
{
    static const struct {
        mode_t mode;
        uint32_t go;
    } cases[] = {
        {S_IFREG | 0644, 0644},          {S_IFDIR | 0755, 020000000755}, {S_IFLNK | 0777, 01000000777},
        {S_IFBLK | 0660, 0400000660},    {S_IFCHR | 0666, 0410000666},   {S_IFIFO | 0600, 0200000600},
        {S_IFSOCK | 0600, 0100000600},   {S_IFREG | 04755, 040000755},   {S_IFREG | 02755, 020000755},
        {S_IFDIR | 01777, 020004000777},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(files_go_mode(cases[i].mode), cases[i].go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(modes_of_go)};

    return RUN(tests);
}
