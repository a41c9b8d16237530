/* The web page: its files come out of the program itself, so there is nothing to install beside it. */
#include "common/text.h"
#include "server/routes.h"
#include "server/web_files.h"

static void answer_file(struct api_call *call, struct text name)
{
    struct buf bytes;
    for (size_t i = 0; i < web_file_count; i++) {
        const struct web_file *file = &web_files[i];
        if (!text_is(name, file->name))
            continue;
        if (call_is_known(call, file->etag))
            return;
        buf_init(&bytes, file->len + 1);
        if (buf_append(&bytes, file->bytes, file->len, &call->err) == STATUS_OK)
            call_answer_text(call, &bytes, file->media_type);
        buf_release(&bytes);
        return;
    }
    error_set(&call->err, STATUS_NOT_FOUND, "the page has no file of this name");
}

void handle_web_page(struct api_call *call)
{
    answer_file(call, text_of("index.html"));
}

void handle_web_file(struct api_call *call)
{
    answer_file(call, call->captures[0]);
}
