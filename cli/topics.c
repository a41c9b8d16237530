#include "cli/topics.h"

#include <string.h>

const struct topic topics[] = {
    {"scores", "how to read cosine, relevance and BM25",
     "Hits are ordered by their score. In mode semantic that is the cosine of the query's vector and that of "
     "the "
     "document's best passage, from -1 to 1. It says little by itself: unrelated texts reach 0.4 with the "
     "default model, "
     "good answers in another language lie between 0.5 and 0.8.\n\n"
     "The relevance beside it is on a scale from 0 to 1, by a curve that comes with the model: how probable "
     "it is that a "
     "hit answers the query when it competes with the hardest of thousands of wrong ones. That is strict; a "
     "right answer in "
     "a small collection often has 0.1 to 0.5. The words are strong from 0.6, good from 0.25, fair from "
     "0.08, weak below.\n\n"
     "--min-relevance cuts, and an empty answer is then an honest one: exit code 1. With words in play (help "
     "keywords) the "
     "BM25 of a hit stands beside its cosine; a leg that took no part gives null."},
    {"keywords", "searching by words, and by both",
     "--mode keyword goes by words alone, --mode hybrid by both. Any text is a query:\n\n"
     "  late train           either word, both are better\n"
     "  \"late train\"         a phrase that must be there\n"
     "  train*               words that begin so\n\n"
     "Words are compared without case, width and accents where a script's readers do without them; Thai, "
     "Lao, Khmer, "
     "Burmese, Chinese and Japanese are cut into words by dictionary. Codes, part numbers, addresses and "
     "versions are found "
     "whole and by their pieces, and come first in mode hybrid. Words are not brought to their stems."},
    {"languages", "which languages, and how they are named",
     "Ask in one language, find in all: nothing has to be said about languages for that. The default model "
     "knows about 100, "
     "some of them badly.\n\n"
     "A document's language is a BCP 47 tag: the one it came with, else the one that libcld2 sees, else und. "
     "--lang de "
     "keeps German documents, --lang zh also those marked zh-Hant. A passage that is clearly in another "
     "language than its "
     "document is shown with it, as [en, passage de]; --lang goes by the document, --passage-lang by the passage. `cognate detect` tells languages of texts "
     "with a confidence; "
     "short texts and close neighbours (Norwegian and Danish, Bosnian and Croatian) are guessed wrong more "
     "often."},
    {"filters", "choosing documents by language and metadata",
     "A filter is JSON and is applied before the search, so that k hits come when k documents pass:\n\n"
     "  {\"field\":\"year\",\"gte\":2020}\n"
     "  {\"field\":\"kind\",\"in\":[\"news\",\"mail\"]}\n"
     "  {\"and\":[{\"field\":\"path\",\"prefix\":\"/srv/docs/\"},{\"not\":{\"lang\":{\"in\":[\"fr\"]}}}]}\n\n"
     "Operators of a field are eq, in, gt, gte, lt, lte, prefix and exists; and, or and not take filters. "
     "`cognate "
     "collection filterable` makes indexes for fields that are asked for often."},
    {"files", "what index reads",
     "Text, Markdown, HTML, PDF, docx, pptx, odt, odp, epub and source code are a document each; .jsonl, "
     ".ndjson, .json, .csv "
     "and .tsv are a document a row. A legacy encoding is recognised and converted, which is counted.\n\n"
     "PDF needs the program pdftotext (apt-get install poppler-utils). It runs as a child with a minute of "
     "processor time, "
     "a gigabyte of memory and no network.\n\n"
     "Names that begin with a dot, symbolic links, binary files, and what a .gitignore, .ignore or "
     ".cognateignore leaves out are "
     "passed over; --hidden and --no-ignore lift that. Every skip is counted with its reason, -v names "
     "each."},
    {"models", "models and vector spaces",
     "`cognate model add PATH` installs a model, a GGUF file or a Hugging Face folder, under a name and the next version "
     "of it; the one that comes "
     "with the "
     "program is installed as cognate-e5-512. They lie in $XDG_DATA_HOME/cognate/models/NAME/VERSION with a "
     "manifest that "
     "says where they came from, under which licence, and their SHA-256 (`model show`, `model verify`).\n\n"
     "  minilm               the version in use, else the stable one\n"
     "  minilm@2             that version\n"
     "  minilm@canary        what `cognate model label minilm@2 canary` made of it\n"
     "  minilm@latest        the highest version\n"
     "  ./minilm.gguf        a file; anything with a slash, or ending with .gguf\n\n"
     "Who asks for none gets $COGNATE_MODEL, else what `model use` chose, else the shipped one; `model "
     "rollback` goes "
     "back.\n\n"
     "A collection belongs to the vector space of the model that made it (`collection create --model`), and "
     "vectors of "
     "different spaces are never compared. Its model is found by that space among those installed, so "
     "collections of "
     "several models live in one store. `cognate collection reembed NAME --to MODEL` moves a collection to "
     "another model "
     "while it is searched and written, and can go back.\n\n"
     "`model quantize` installs a model once more with smaller weights and reports how much its vectors differ, on texts of "
     "yours.\n\n"
     "A cross-encoder (`model list` says which ones are) reads a query together with a text and scores the two; it "
     "makes no vectors. `model rerank NAME` makes one the reranker: `search --rerank` has it order the best 50 hits, and "
     "the rerank routes go by it. Without one they go by the similarity of embeddings, and say so.\n\n"
     "A server loads a model when it is asked for. POST /v1/admin/models loads one ahead, gives the memory "
     "of one back, "
     "and changes which is in use; no request waits or fails. Packed weights are kept in "
     "$XDG_CACHE_HOME/cognate; "
     "deleting them costs one slow start."},
    {"limits", "how much of everything",
     "  a document's text         16 MiB\n"
     "  a query                   8 KiB\n"
     "  hits of a search          1,000\n"
     "  an id                     512 bytes\n"
     "  a passage                 200 tokens, 40 of overlap; settings of a collection\n"
     "  what the model sees       512 tokens; longer texts are pooled over windows, and the answer says "
     "so\n\n"
     "Search is exact up to a million passages, and its time grows with them. Of larger collections a server makes "
     "clusters in the background, and searches look into those nearest to the query alone: about 99 of 100 hits "
     "are then those of the exact search, which --exact asks for. serve --clusters-from moves the limit; collection show "
     "says which clusters there are. One process writes a store at a time, any number read it."},
    {"backup", "copies of a store",
     "  cognate backup copy.db           a copy of a store in use, checked page by page\n"
     "  cognate restore copy.db          puts it in the store's place, after checking all of it\n"
     "  cognate export > docs.jsonl      documents as JSON lines, with --vectors also their vectors\n"
     "  cognate import docs.jsonl        takes them in; what has vectors of this model is not embedded\n\n"
     "Copying the file of a store with other tools while it is written gives a broken copy. `cognate check` "
     "reads every page and "
     "every checksum; `cognate compact` gives unused space back."},
    {0},
};

const struct topic *topic_find(const char *name)
{
    for (const struct topic *t = topics; t->name != NULL; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}
