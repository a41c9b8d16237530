#include "cli/commands.h"

#include <string.h>

#include "cli/suggest.h"

const struct command *const commands[] = {
    &command_index,
    &command_search,
    &command_similar,
    &command_embed,
    &command_tokenize,
    &command_detect,
    &command_serve,
    &command_mcp,
    &command_status,
    &command_collection_list,
    &command_collection_show,
    &command_collection_create,
    &command_collection_filterable,
    &command_collection_delete,
    &command_collection_reembed,
    &command_model_list,
    &command_model_show,
    &command_model_add,
    &command_model_remove,
    &command_model_verify,
    &command_model_use,
    &command_model_rollback,
    &command_model_rerank,
    &command_model_label,
    &command_model_quantize,
    &command_document_list,
    &command_document_get,
    &command_document_delete,
    &command_key_create,
    &command_eval,
    &command_bench_encode,
    &command_bench_query,
    &command_bench_tokenize,
    &command_bench_search,
    &command_bench_ingest,
    &command_doctor,
    &command_check,
    &command_compact,
    &command_backup,
    &command_restore,
    &command_export,
    &command_import,
    &command_job_list,
    &command_job_show,
    &command_job_cancel,
    &command_config,
    &command_completion,
    &command_manual,
    &command_help,
    &command_version,
    NULL,
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

bool command_is_group(const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strncmp(commands[i]->name, word, n) == 0 && commands[i]->name[n] == ' ')
            return true;
    return false;
}

/* Whether the word that was typed is near to the first word of a name, as of a group's. */
static bool nearer_group(const char *typed, const char *name, unsigned *distance)
{
    char word[32];
    size_t n = strcspn(name, " ");
    if (name[n] == '\0' || n >= sizeof word)
        return false;
    memcpy(word, name, n);
    word[n] = '\0';
    return suggest_nearer(typed, word, distance);
}

const char *command_suggest(const char *typed)
{
    const char *meant = NULL;
    unsigned distance = SUGGEST_START;
    for (size_t i = 0; commands[i] != NULL; i++)
        if (suggest_nearer(typed, commands[i]->name, &distance) ||
            nearer_group(typed, commands[i]->name, &distance))
            meant = commands[i]->name;
    return meant;
}
