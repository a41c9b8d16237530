/* Every command of the program. */
#ifndef COGNATE_CLI_COMMANDS_H
#define COGNATE_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command command_index, command_search, command_similar, command_embed, command_tokenize,
    command_detect, command_status, command_serve, command_mcp, command_collection_list,
    command_collection_show, command_collection_create, command_collection_filterable,
    command_collection_delete, command_document_list, command_document_get, command_document_delete,
    command_key_create, command_eval, command_doctor, command_check, command_help, command_version,
    command_completion, command_manual, command_config, command_bench_encode, command_bench_query,
    command_bench_tokenize, command_bench_search, command_bench_ingest;
extern const struct command command_compact, command_backup, command_restore, command_export, command_import,
    command_job_list, command_job_show, command_job_cancel;
extern const struct command command_collection_reembed;
extern const struct command command_model_list, command_model_show, command_model_add, command_model_remove,
    command_model_verify, command_model_use, command_model_rollback, command_model_rerank, command_model_label,
    command_model_quantize;

/* In the order of the help page, ended by NULL. */
extern const struct command *const commands[];

/* The command of that name; NULL when there is none. */
const struct command *command_find(const char *name);

/* Whether commands begin with this word and a blank: "collection". */
bool command_is_group(const char *word);

/* The name nearest to what was typed, NULL when none is near. */
const char *command_suggest(const char *typed);

#endif
