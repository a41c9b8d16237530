#include "encoder/import/import.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "encoder/import/folder_import.h"
#include "encoder/import/model_check.h"
#include "encoder/import/model_folder.h"

/* Byte for byte, so that its SHA-256 stays the one its maker published. */
static enum status import_gguf(const char *path, const char *out_path, struct import_report *report,
                               struct error *err)
{
    struct mapping from = {0};
    struct draft to = {0};
    report->kind = "GGUF file";
    enum status status = mapping_open(&from, path, err);
    if (status == STATUS_OK)
        status = draft_open(&to, out_path, err);
    if (status == STATUS_OK)
        status = draft_write(&to, from.data, from.size, err);
    if (status == STATUS_OK)
        status = model_check(to.temporary, path, report, err);
    if (status == STATUS_OK)
        status = draft_commit(&to, err);
    draft_close(&to);
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
        return import_gguf(path, out_path, report, err);
    if (!folder_has(path, "config.json"))
        return error_set(
            err, STATUS_UNSUPPORTED,
            "%s is a folder without config.json; this program takes in GGUF files and Hugging Face folders",
            path);
    return folder_import(path, out_path, report, err);
}
