/* What a plugin keeps with transactions and sessions, and how it names them. */

#include "bench.h"

static int  of_transaction, of_session;
static TSHttpTxn gone;

static int
keeps(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  switch (event) {
  case TS_EVENT_HTTP_SSN_START:
    MUST(TSUserArgGet(edata, of_session) == NULL);
    TSUserArgSet(edata, of_session, calloc(1, sizeof(int)));
    TSHttpSsnReenable((TSHttpSsn)edata, TS_EVENT_HTTP_CONTINUE);
    return 0;
  case TS_EVENT_HTTP_SSN_CLOSE: {
    int *count = (int *)TSUserArgGet(edata, of_session);
    say("a session of %d", *count);
    free(count);
    TSHttpSsnReenable((TSHttpSsn)edata, TS_EVENT_HTTP_CONTINUE);
    return 0;
  }
  case TS_EVENT_HTTP_TXN_START: {
    MUST(TSUserArgGet(txnp, of_transaction) == NULL && TSUserArgGet(txnp, of_transaction + 1) == NULL);
    int *count = (int *)TSUserArgGet(TSHttpTxnSsnGet(txnp), of_session);
    *count += 1;
    char text[32];
    snprintf(text, sizeof(text), "number %d", *count);
    TSUserArgSet(txnp, of_transaction, TSstrdup(text));
    break;
  }
  default: {
    char *text = (char *)TSUserArgGet(txnp, of_transaction);
    char  uuid[TS_CRUUID_STRING_LEN + 1];
    MUST(TSClientRequestUuidGet(txnp, uuid) == TS_SUCCESS && strlen(uuid) <= TS_CRUUID_STRING_LEN);
    MUST(strncmp(uuid, TSUuidStringGet(TSProcessUuidGet()), TS_UUID_STRING_LEN) == 0 && uuid[TS_UUID_STRING_LEN] == '-');
    MUST(strtoull(uuid + TS_UUID_STRING_LEN + 1, NULL, 10) == TSHttpTxnIdGet(txnp));
    say("%s", text);
    TSfree(text);
    TSUserArgSet(txnp, of_transaction, NULL);
    MUST(TSUserArgGet(txnp, of_transaction) == NULL);
  }
  }
  TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

static void
reserve(void)
{
  int other;
  MUST(TSUserArgIndexReserve(TS_USER_ARGS_TXN, "kept", "a text", &of_transaction) == TS_SUCCESS);
  MUST(TSUserArgIndexReserve(TS_USER_ARGS_TXN, "not set", "nothing", &other) == TS_SUCCESS);
  MUST(TSUserArgIndexReserve(TS_USER_ARGS_SSN, "kept", "a count", &of_session) == TS_SUCCESS);
}

static void
hook(TSEventFunc handler)
{
  const TSHttpHookID ids[] = {TS_HTTP_SSN_START_HOOK, TS_HTTP_TXN_START_HOOK, TS_HTTP_TXN_CLOSE_HOOK, TS_HTTP_SSN_CLOSE_HOOK};
  TSCont contp = TSContCreate(handler, NULL);
  for (size_t index = 0; index < sizeof(ids) / sizeof(*ids); index++) {
    MUST(TSHttpHookAdd(ids[index], contp) == TS_SUCCESS);
  }
}

ENTRY(arguments)
{
  (void)argc, (void)argv;
  reserve();
  hook(keeps);
}

static int
asks_for_another(TSCont contp UNUSED, TSEvent event, void *edata)
{
  if (event == TS_EVENT_HTTP_SSN_START) {
    TSUserArgSet(edata, of_transaction, NULL);
  }
  return 0;
}

ENTRY(of_another)
{
  (void)argc, (void)argv;
  reserve();
  hook(asks_for_another);
}

static int
asks_when_it_is_over(TSCont contp UNUSED, TSEvent event, void *edata)
{
  if (event == TS_EVENT_HTTP_TXN_CLOSE) {
    gone = (TSHttpTxn)edata;
  }
  if (event == TS_EVENT_HTTP_SSN_CLOSE) {
    TSUserArgGet(gone, of_transaction);
  }
  if (event == TS_EVENT_HTTP_SSN_START || event == TS_EVENT_HTTP_SSN_CLOSE) {
    TSHttpSsnReenable((TSHttpSsn)edata, TS_EVENT_HTTP_CONTINUE);
  } else {
    TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE);
  }
  return 0;
}

ENTRY(over)
{
  (void)argc, (void)argv;
  reserve();
  hook(asks_when_it_is_over);
}
