#include "encoder/import/import.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "encoder/import/folder_import.h"
#include "encoder/import/model_check.h"
#include "encoder/import/model_folder.h"
#include "encoder/import/use_import.h"

/* Byte for byte, so that its SHA-256 stays the one its maker published. */
static enum status import_gguf(const struct mapping *from, const char *path, const char *out_path,
                               struct import_report *report, struct error *err)
{
    struct draft to = {0};
    report->kind = "GGUF file";
    enum status status = draft_open(&to, out_path, err);
    if (status == STATUS_OK)
        status = draft_write(&to, from->data, from->size, err);
    if (status == STATUS_OK)
        status = model_check(to.temporary, path, report, err);
    if (status == STATUS_OK)
        status = draft_commit(&to, err);
    draft_close(&to);
    return status;
}

static enum status import_file(const char *path, const char *out_path, struct import_report *report,
                               struct error *err)
{
    struct mapping from = {0};
    enum status status = mapping_open(&from, path, err);
    if (status == STATUS_OK && from.size > 4 && memcmp(from.data, "PK\3\4", 4) == 0)
        status =
            use_import_wheel(path, (struct text){(const char *)from.data, from.size}, out_path, report, err);
    else if (status == STATUS_OK)
        status = import_gguf(&from, path, out_path, report, err);
    mapping_close(&from);
    return status;
}

enum status model_import(const char *path, const char *out_path, struct import_report *report,
                         struct error *err)
{
    struct stat st;
    *report = (struct import_report){0};
    if (stat(path, &st) != 0)
        return error_system(err, errno, "open", path);
    if (!S_ISDIR(st.st_mode))
        return import_file(path, out_path, report, err);
    if (use_is_there(path))
        return use_import(path, out_path, report, err);
    if (!folder_has(path, "config.json"))
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s is a folder without config.json; this program takes in GGUF files, Hugging Face "
                         "folders and the package of Universal Sentence Encoder Multilingual",
                         path);
    return folder_import(path, out_path, report, err);
}
