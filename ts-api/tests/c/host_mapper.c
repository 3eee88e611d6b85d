/* Maps URLs as its first argument says; writes down what it is told and what it sees in the file that the second names. */

#include "bench.h"

#include <ts/remap.h>

typedef struct {
  char what[64];
  FILE *notes;
} Instance;

static int entered;

/* Where it writes down that a configuration is read again, once it has an instance. */
static char reloads[4096];

static void
note_reload(const char *when, int status)
{
  FILE *notes = fopen(reloads, "a");
  MUST(notes != NULL);
  fprintf(notes, "%s %d\n", when, status);
  fclose(notes);
}

static void
note_url(FILE *notes, const char *name, TSMBuffer bufp, TSMLoc url)
{
  int length;
  char *text = TSUrlStringGet(bufp, url, &length);
  fprintf(notes, "%s %.*s\n", name, length, text);
  TSfree(text);
}

TSReturnCode
TSRemapInit(TSRemapInterface *api_info, char *errbuf, int errbuf_size)
{
  MUST(api_info->size >= sizeof(TSRemapInterface) && api_info->tsremap_version >= TSREMAP_VERSION);
  MUST(errbuf != NULL && errbuf_size > 0);
  ++entered;
  return TS_SUCCESS;
}

TSReturnCode
TSRemapNewInstance(int argc, char *argv[], void **ih, char *errbuf, int errbuf_size)
{
  Instance *instance;
  if (argc != 4) {
    snprintf(errbuf, errbuf_size, "give what to do and where to write, not %d words", argc - 2);
    return TS_ERROR;
  }
  instance = TSmalloc(sizeof(*instance));
  snprintf(instance->what, sizeof(instance->what), "%s", argv[2]);
  instance->notes = fopen(argv[3], "a");
  MUST(instance->notes != NULL && argv[argc] == NULL);
  snprintf(reloads, sizeof(reloads), "%s.reloads", argv[3]);
  fprintf(instance->notes, "new %s %s %s, entered %d\n", instance->what, argv[0], argv[1], entered);
  fflush(instance->notes);
  *ih = instance;
  return TS_SUCCESS;
}

void
TSRemapDeleteInstance(void *ih)
{
  Instance *instance = ih;
  fprintf(instance->notes, "delete %s\n", instance->what);
  fclose(instance->notes);
  TSfree(instance);
}

void
TSRemapPreConfigReload(void)
{
  note_reload("before", entered);
}

void
TSRemapPostConfigReload(TSRemapReloadStatus reloadStatus)
{
  note_reload("after", reloadStatus);
}

TSRemapStatus
TSRemapDoRemap(void *ih, TSHttpTxn rh, TSRemapRequestInfo *rri)
{
  Instance *instance = ih;
  const char *what = instance->what;
  TSMBuffer bufp = rri->requestBufp;
  TSRemapStatus status = TSREMAP_NO_REMAP;
  note_url(instance->notes, "from", bufp, rri->mapFromUrl);
  note_url(instance->notes, "to", bufp, rri->mapToUrl);
  note_url(instance->notes, "request", bufp, rri->requestUrl);
  MUST(TSUrlPathSet(bufp, rri->mapToUrl, "elsewhere", -1) == TS_ERROR);
  if (strcmp(what, "path") == 0) {
    MUST(TSUrlPathSet(bufp, rri->requestUrl, "mapped/path", -1) == TS_SUCCESS);
    status = TSREMAP_DID_REMAP;
  } else if (strncmp(what, "port=", 5) == 0) {
    MUST(TSUrlHostSet(bufp, rri->requestUrl, "127.0.0.1", -1) == TS_SUCCESS);
    MUST(TSUrlPortSet(bufp, rri->requestUrl, atoi(what + 5)) == TS_SUCCESS);
    status = TSREMAP_DID_REMAP_STOP;
  } else if (strcmp(what, "refuse") == 0) {
    TSHttpTxnStatusSet(rh, TS_HTTP_STATUS_FORBIDDEN);
  } else if (strncmp(what, "status=", 7) == 0) {
    TSHttpStatus before = (TSHttpStatus)atoi(what + 7);
    TSHttpTxnStatusSet(rh, before);
    MUST(TSHttpTxnStatusGet(rh) == (before == TS_HTTP_STATUS_CONTINUE ? TS_HTTP_STATUS_NONE : before));
    if (before == TS_HTTP_STATUS_ACCEPTED) {
      TSHttpTxnErrorBodySet(rh, TSstrdup("later"), 5, NULL);
    }
  } else if (strncmp(what, "moved=", 6) == 0) {
    TSHttpTxnStatusSet(rh, (TSHttpStatus)atoi(what + 6));
    rri->redirect = 1;
    status = TSREMAP_DID_REMAP;
  } else if (strcmp(what, "redirect") == 0) {
    MUST(TSUrlHostSet(bufp, rri->requestUrl, "new.example", -1) == TS_SUCCESS);
    MUST(TSUrlPortSet(bufp, rri->requestUrl, 80) == TS_SUCCESS);
    rri->redirect = 1;
    status = TSREMAP_DID_REMAP;
  } else if (strcmp(what, "stop") == 0) {
    status = TSREMAP_NO_REMAP_STOP;
  } else if (strcmp(what, "fail") == 0) {
    status = TSREMAP_ERROR;
  }
  fflush(instance->notes);
  return status;
}
