/* An agent that answers about files, and a directory here. */
#ifndef TESTS_UNIT_CTL_FILES_RIG_H
#define TESTS_UNIT_CTL_FILES_RIG_H

#include <fcntl.h>
#include <sys/stat.h>

#include "ctl_rig.h"

#include "ctl/guest.h"

#define BYTES(s) ((ProtobufCBinaryData){sizeof(s) - 1, (uint8_t *)(uintptr_t)(s)})

static struct ctl ours;
static char here[64];

/* The next answer comes on the connection of the one before. */
UNUSED static void on_the_same(void)
{
    agent.answers[agent.count - 1].same = agent.count > 1;
}

UNUSED static void answer_message(const ProtobufCMessage *m)
{
    uint8_t packed[4096];
    size_t len = protobuf_c_message_pack(m, packed);

    agent_http(200, "Content-Type: application/proto\r\n", packed, len);
    on_the_same();
}

UNUSED static void answer_error(const char *code)
{
    char text[100];

    snprintf(text, sizeof text, "{\"code\":\"%s\",\"message\":\"it is said\"}", code);
    agent_http(400, "Content-Type: application/json\r\n", text, strlen(text));
    on_the_same();
}

UNUSED static guest_file file_of(ProtobufCBinaryData name, Guest__V1__FileInfo__Type type)
{
    guest_file f = GUEST__V1__FILE_INFO__INIT;

    f.name = f.path = name;
    f.type = type;
    f.mode = type == GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY ? 0040755 : 0100644;
    return f;
}

UNUSED static void answer_stat(guest_file f)
{
    Guest__V1__StatFileResponse m = GUEST__V1__STAT_FILE_RESPONSE__INIT;

    m.file = &f;
    answer_message(&m.base);
}

UNUSED static void answer_list(guest_file **files, size_t n, const char *next)
{
    Guest__V1__ListFilesResponse m = GUEST__V1__LIST_FILES_RESPONSE__INIT;

    m.files = files;
    m.n_files = n;
    m.next_page = (char *)(uintptr_t)next;
    m.truncated = *next != 0;
    answer_message(&m.base);
}

/* The request that came last, decoded; valid until the next call. */
UNUSED static const ProtobufCMessage *request_message(const ProtobufCMessageDescriptor *d)
{
    static struct arena arena;
    const char *body = strstr(agent.request, "\r\n\r\n") + 4;
    struct err e;

    arena_clear(&arena);
    return codec_decode(CODEC_PROTO, d,
                        (struct bytes){body, agent.request_len - (size_t)(body - agent.request)}, &arena, &e);
}

/* A path in the directory here; two are valid at once. */
UNUSED static const char *in_here(const char *name)
{
    static char paths[2][128];
    static int turn;

    turn = !turn;
    snprintf(paths[turn], sizeof paths[0], "%s/%s", here, name);
    return paths[turn];
}

UNUSED static void write_here(const char *name, const char *text)
{
    FILE *f = fopen(in_here(name), "w");

    fputs(text, f);
    fclose(f);
}

UNUSED static const char *read_here(const char *name)
{
    static char text[256];
    FILE *f = fopen(in_here(name), "r");

    if (!f)
        return NULL;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static inline int files_setup(void **state)
{
    struct err e;

    codec_init();
    ours = (struct ctl){.name = "guestctl"};
    snprintf(here, sizeof here, "/tmp/guestd-files-XXXXXX");
    if (!mkdtemp(here) || agent_setup(state) < 0)
        return -1;
    return target_parse(&ours.target, agent.target, &e);
}

/* Fails when something is left here. */
static inline int files_teardown(void **state)
{
    int left = rmdir(here);

    return agent_teardown(state) < 0 || left < 0 ? -1 : 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

#endif
