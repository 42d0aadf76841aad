/* Directories and nodes: who is below whom, what a path is, and when a directory has nobody left. */
#include "test.h"

#include "guest/fs/watch_tree.h"

static struct watch_tree tree;

static struct watch_node *node(struct watch_node *parent, const char *name, int wd)
{
    struct watch_node *n = watch_tree_attach(&tree, NULL, parent, name, watch_tree_dir(&tree, wd));

    assert_non_null(n);
    return n;
}

static int setup(void **state)
{
    (void)state;
    tree = (struct watch_tree){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_false(watch_tree_sweep(&tree, -1, 100));
    assert_int_equal(tree.dirs.count, 0);
    assert_int_equal(tree.nodes.count, 0);
    assert_int_equal(tree.node_count, 0);
    return 0;
}

static void paths(void **state)
{
    struct watch_node *root = node(NULL, "", 1), *a = node(root, "a", 2), *bc = node(a, "bc", 3);
    static const struct {
        int depth;
        const char *name, *want;
    } cases[] = {{0, "", ""},     {0, "f", "f"},   {1, "", "a"},
                 {1, "f", "a/f"}, {2, "", "a/bc"}, {2, "f", "a/bc/f"}};
    struct watch_node *nodes[] = {root, a, bc};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct watch_node *n = nodes[cases[i].depth];
        size_t length = watch_tree_path_length(n, cases[i].name);
        char text[16];

        assert_int_equal(length, strlen(cases[i].want));
        watch_tree_path(n, cases[i].name, text, length);
        assert_memory_equal(text, cases[i].want, length);
    }
    watch_tree_drop(&tree, root);
}

static void children(void **state)
{
    struct watch_node *root = node(NULL, "", 1), *other = node(NULL, "", 1);
    struct watch_node *a = node(root, "a", 2), *b = node(root, "b", 3), *in_other = node(other, "a", 2);

    (void)state;
    assert_ptr_equal(watch_tree_child(&tree, root, "a"), a);
    assert_ptr_equal(watch_tree_child(&tree, root, "b"), b);
    assert_ptr_equal(watch_tree_child(&tree, other, "a"), in_other);
    assert_null(watch_tree_child(&tree, other, "b"));
    assert_null(watch_tree_child(&tree, a, "a"));
    node(node(a, "x", 4), "y", 5);
    watch_tree_prune(&tree, a);
    assert_null(watch_tree_child(&tree, a, "x"));
    assert_ptr_equal(watch_tree_child(&tree, root, "a"), a);
    watch_tree_drop(&tree, root);
    assert_ptr_equal(watch_tree_child(&tree, other, "a"), in_other);
    watch_tree_drop(&tree, other);
}

static void a_directory_goes_with_its_last_node(void **state)
{
    struct watch_node *one = node(NULL, "", 1), *two = node(NULL, "", 1);

    (void)state;
    assert_ptr_equal(one->dir, two->dir);
    watch_tree_drop(&tree, one);
    assert_false(watch_tree_sweep(&tree, -1, 100));
    assert_non_null(watch_tree_find(&tree, 1));
    watch_tree_unbind(&tree, two);
    assert_null(two->dir);
    watch_tree_unbind(&tree, two); /* it has none any more */
    assert_false(watch_tree_sweep(&tree, -1, 100));
    assert_null(watch_tree_find(&tree, 1));
    watch_tree_bind(&tree, two, watch_tree_dir(&tree, 9));
    assert_int_equal(two->dir->wd, 9);
    watch_tree_drop(&tree, two);
}

static void orphans_go_a_few_at_a_time(void **state)
{
    (void)state;
    for (int wd = 1; wd <= 5; wd++)
        assert_non_null(watch_tree_dir(&tree, wd));
    assert_true(watch_tree_sweep(&tree, -1, 3));
    assert_int_equal(tree.dirs.count, 2);
    assert_false(watch_tree_sweep(&tree, -1, 2));
}

static void knows_what_is_above(void **state)
{
    struct watch_node *root = node(NULL, "", 1), *a = node(root, "a", 2);

    (void)state;
    assert_true(watch_tree_above(a, root->dir));
    assert_true(watch_tree_above(a, a->dir));
    assert_false(watch_tree_above(root, a->dir));
    assert_false(watch_tree_above(NULL, a->dir));
    watch_tree_drop(&tree, root);
}

static void there_is_a_bound(void **state)
{
    struct watch_node *root = node(NULL, "", 1);

    (void)state;
    tree.node_count = 262144;
    assert_null(watch_tree_attach(&tree, NULL, root, "a", root->dir));
    tree.node_count = 1;
    watch_tree_drop(&tree, root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths, setup, teardown),
        cmocka_unit_test_setup_teardown(children, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_goes_with_its_last_node, setup, teardown),
        cmocka_unit_test_setup_teardown(orphans_go_a_few_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(knows_what_is_above, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_a_bound, setup, teardown),
    };

    return RUN(tests);
}
