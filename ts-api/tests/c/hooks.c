/* Continuations at hooks of sessions and transactions. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const char *
short_name(TSEvent event)
{
  const char *name = TSHttpEventNameLookup(event);
  return strncmp(name, "TS_EVENT_HTTP_", 14) == 0 ? name + 14 : name;
}

static int
is_of_session(TSEvent event)
{
  return event == TS_EVENT_HTTP_SSN_START || event == TS_EVENT_HTTP_SSN_CLOSE;
}

static void
go_on(TSEvent event, void *edata)
{
  if (is_of_session(event)) {
    MUST(TSHttpSsnReenable((TSHttpSsn)edata, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  } else {
    MUST(TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  }
}

/* A level says its name and the hook. */
static int
level_handler(TSCont contp, TSEvent event, void *edata)
{
  say("%s %s", (const char *)TSContDataGet(contp), short_name(event));
  go_on(event, edata);
  return 0;
}

static TSCont
level(const char *name)
{
  TSCont contp = TSContCreate(level_handler, NULL);
  TSContDataSet(contp, (void *)name);
  return contp;
}

/* Three levels. */

static TSCont of_session, of_transaction;

static int
three_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  say("global %s", short_name(event));
  if (event == TS_EVENT_HTTP_SSN_START) {
    TSHttpSsn ssnp = (TSHttpSsn)edata;
    MUST(TSHttpSsnHookAdd(ssnp, TS_HTTP_TXN_START_HOOK, of_session) == TS_SUCCESS);
    MUST(TSHttpSsnHookAdd(ssnp, TS_HTTP_READ_REQUEST_HDR_HOOK, of_session) == TS_SUCCESS);
    MUST(TSHttpSsnHookAdd(ssnp, TS_HTTP_TXN_CLOSE_HOOK, of_session) == TS_SUCCESS);
    MUST(TSHttpSsnHookAdd(ssnp, TS_HTTP_SSN_CLOSE_HOOK, of_session) == TS_SUCCESS);
  }
  if (event == TS_EVENT_HTTP_TXN_START) {
    TSHttpTxn txnp = (TSHttpTxn)edata;
    MUST(TSHttpTxnHookAdd(txnp, TS_HTTP_READ_REQUEST_HDR_HOOK, of_transaction) == TS_SUCCESS);
    MUST(TSHttpTxnHookAdd(txnp, TS_HTTP_TXN_CLOSE_HOOK, of_transaction) == TS_SUCCESS);
    /* The same continuation twice is called once. */
    MUST(TSHttpTxnHookAdd(txnp, TS_HTTP_TXN_CLOSE_HOOK, of_transaction) == TS_SUCCESS);
    /* It is past, and there is none of this kind. */
    MUST(TSHttpTxnHookAdd(txnp, TS_HTTP_SSN_CLOSE_HOOK, of_transaction) == TS_ERROR);
  }
  if (event == TS_EVENT_HTTP_READ_REQUEST_HDR) {
    MUST(TSHttpTxnHookAdd((TSHttpTxn)edata, TS_HTTP_TXN_START_HOOK, of_transaction) == TS_ERROR);
  }
  go_on(event, edata);
  return 0;
}

ENTRY(three_levels)
{
  (void)argc, (void)argv;
  TSCont contp   = TSContCreate(three_handler, NULL);
  of_session     = level("session");
  of_transaction = level("transaction");
  const TSHttpHookID ids[] = {TS_HTTP_SSN_START_HOOK, TS_HTTP_TXN_START_HOOK, TS_HTTP_READ_REQUEST_HDR_HOOK,
                              TS_HTTP_TXN_CLOSE_HOOK, TS_HTTP_SSN_CLOSE_HOOK};
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    MUST(TSHttpHookAdd(ids[i], contp) == TS_SUCCESS);
  }
}

/* Hooks that the host does not have. */

static int
no_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  return 0;
}

ENTRY(hooks_that_never_come)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(no_handler, NULL);
  for (int id = 0; id < TS_HTTP_LAST_HOOK; id++) {
    TSReturnCode added = TSHttpHookAdd((TSHttpHookID)id, contp);
    if (added == TS_ERROR) {
      say("%s", TSHttpHookNameLookup((TSHttpHookID)id));
    }
  }
  for (int id = 0; id < TS_LIFECYCLE_LAST_HOOK; id++) {
    if (TSLifecycleHookAdd((TSLifecycleHookID)id, contp) == TS_ERROR) {
      say("life cycle %d", id);
    }
  }
  TSContDestroy(contp);
}

ENTRY(a_hook_that_is_none)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_LAST_HOOK, level("none"));
}

ENTRY(a_life_cycle_hook_that_is_none)
{
  (void)argc, (void)argv;
  TSLifecycleHookAdd(TS_LIFECYCLE_LAST_HOOK, level("none"));
}

/* One that adds another of its kind at its own hook. */

static TSCont late;

static int
adds_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  say("adds at %s: %d", short_name(event), TSHttpTxnHookAdd(txnp, TS_HTTP_OS_DNS_HOOK, late));
  go_on(event, edata);
  return 0;
}

static int
adds_itself_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSCont adds    = TSContCreate(adds_handler, NULL);
  MUST(TSHttpTxnHookAdd(txnp, TS_HTTP_OS_DNS_HOOK, adds) == TS_SUCCESS);
  go_on(event, edata);
  return 0;
}

/* The last of its list adds one to the same hook: it is told that it comes too late for this transaction. */
ENTRY(the_last_adds_one)
{
  (void)argc, (void)argv;
  late = level("late");
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(adds_itself_handler, NULL));
}

/* A destroyed continuation on a later hook's list. */

static int
destroys_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSCont gone    = level("gone");
  TSHttpTxnHookAdd(txnp, TS_HTTP_OS_DNS_HOOK, gone);
  TSHttpTxnHookAdd(txnp, TS_HTTP_OS_DNS_HOOK, level("stays"));
  TSContDestroy(gone);
  go_on(event, edata);
  return 0;
}

ENTRY(destroys_before_the_hook)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(destroys_handler, NULL));
}

/* A global hook that is added while requests are served, from a thread that the host does not know. */

static void *
adds_global(void *contp)
{
  MUST(TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, (TSCont)contp) == TS_SUCCESS);
  return NULL;
}

static int
first_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  static int once;
  if (__sync_bool_compare_and_swap(&once, 0, 1)) {
    on_foreign_thread(adds_global, level("added"));
  }
  go_on(event, edata);
  return 0;
}

ENTRY(adds_while_requests_are_served)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(first_handler, NULL));
}

/* A continuation of its own for each transaction, with data, and a timer across hooks. */

typedef struct {
  TSHttpTxn txnp;
  TSAction pending;
  int       events;
} PerTransaction;

static int
per_transaction_handler(TSCont contp, TSEvent event, void *edata)
{
  PerTransaction *data = (PerTransaction *)TSContDataGet(contp);
  data->events++;
  switch ((int)event) {
  case TS_EVENT_TIMEOUT:
    data->pending = NULL;
    MUST(TSHttpTxnReenable(data->txnp, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
    return 0;
  case TS_EVENT_HTTP_OS_DNS:
    /* The handle is the same at every hook, and it may be kept. */
    MUST((TSHttpTxn)edata == data->txnp);
    data->pending = TSContScheduleOnPool(contp, 5, TS_THREAD_POOL_NET);
    return 0;
  case TS_EVENT_HTTP_TXN_CLOSE:
    say("closed after %d events", data->events);
    free(data);
    TSContDestroy(contp);
    break;
  default:
    break;
  }
  go_on(event, edata);
  return 0;
}

static int
makes_one_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn       txnp = (TSHttpTxn)edata;
  TSCont          own  = TSContCreate(per_transaction_handler, TSMutexCreate());
  PerTransaction *data = (PerTransaction *)calloc(1, sizeof *data);
  data->txnp           = txnp;
  TSContDataSet(own, data);
  TSHttpTxnHookAdd(txnp, TS_HTTP_OS_DNS_HOOK, own);
  TSHttpTxnHookAdd(txnp, TS_HTTP_SEND_RESPONSE_HDR_HOOK, own);
  TSHttpTxnHookAdd(txnp, TS_HTTP_TXN_CLOSE_HOOK, own);
  go_on(event, edata);
  return 0;
}

ENTRY(one_for_each_transaction)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(makes_one_handler, NULL));
}

/* Data of each session. */

typedef struct {
  int requests;
} PerSession;

static int
session_handler(TSCont contp, TSEvent event, void *edata)
{
  PerSession *data = (PerSession *)TSContDataGet(contp);
  if (event == TS_EVENT_HTTP_SSN_CLOSE) {
    say("a session of %d requests", data->requests);
    free(data);
    TSContDestroy(contp);
  } else {
    TSHttpSsn ssnp = TSHttpTxnSsnGet((TSHttpTxn)edata);
    MUST(TSHttpSsnTransactionCount(ssnp) == ++data->requests);
  }
  go_on(event, edata);
  return 0;
}

static int
session_start_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpSsn   ssnp = (TSHttpSsn)edata;
  TSCont      own  = TSContCreate(session_handler, NULL);
  PerSession *data = (PerSession *)calloc(1, sizeof *data);
  TSContDataSet(own, data);
  MUST(TSHttpSsnIdGet(ssnp) > 0 && TSHttpSsnTransactionCount(ssnp) == 0 && TSHttpSsnIsInternal(ssnp) == 0);
  TSHttpSsnHookAdd(ssnp, TS_HTTP_TXN_START_HOOK, own);
  TSHttpSsnHookAdd(ssnp, TS_HTTP_SSN_CLOSE_HOOK, own);
  go_on(event, edata);
  return 0;
}

ENTRY(data_of_each_session)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_SSN_START_HOOK, TSContCreate(session_start_handler, NULL));
}

/* A session that is refused. */

static int
refuses_session_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  say("%s", short_name(event));
  TSHttpSsnReenable((TSHttpSsn)edata, event == TS_EVENT_HTTP_SSN_START ? TS_EVENT_HTTP_ERROR : TS_EVENT_HTTP_CONTINUE);
  return 0;
}

ENTRY(refuses_sessions)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(refuses_session_handler, NULL);
  TSHttpHookAdd(TS_HTTP_SSN_START_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_SSN_CLOSE_HOOK, contp);
}

/* Facts. */

static unsigned
port_of(const struct sockaddr *addr)
{
  MUST(addr != NULL && addr->sa_family == AF_INET);
  return ntohs(((const struct sockaddr_in *)addr)->sin_port);
}

static int
facts_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  static const struct sockaddr *client;
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSHttpSsn ssnp = TSHttpTxnSsnGet(txnp);
  TSHRTime  time;
  bool      by_client = true;
  if (event == TS_EVENT_HTTP_TXN_START) {
    client = TSHttpTxnClientAddrGet(txnp);
    MUST(TSHttpTxnServerAddrGet(txnp) == NULL && TSHttpTxnOutgoingAddrGet(txnp) == NULL);
    MUST(TSHttpTxnNextHopAddrGet(txnp) == NULL);
    MUST(TSHttpTxnMilestoneGet(txnp, TS_MILESTONE_UA_CLOSE, &time) == TS_SUCCESS && time == 0);
    MUST(TSHttpTxnEffectiveUrlStringGet(txnp, NULL) == NULL);
  } else if (event == TS_EVENT_HTTP_READ_REQUEST_HDR) {
    struct sockaddr_in6 origin = {.sin6_family = AF_INET6};
    MUST(TSHttpTxnServerAddrSet(txnp, (struct sockaddr *)&origin) == TS_SUCCESS);
    MUST(TSHttpTxnServerAddrGet(txnp)->sa_family == AF_INET6);
    origin.sin6_family = AF_UNIX;
    MUST(TSHttpTxnServerAddrSet(txnp, (struct sockaddr *)&origin) == TS_ERROR);
    int   length;
    char *url = TSHttpTxnEffectiveUrlStringGet(txnp, &length);
    say("url %.*s", length, url);
    MUST(length == (int)strlen(url));
    TSfree(url);
  } else if (event == TS_EVENT_HTTP_OS_DNS) {
    /* Two addresses of the same end are two places. */
    const struct sockaddr *before = TSHttpTxnServerAddrGet(txnp);
    struct sockaddr_in     origin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(getenv("ORIGIN_PORT")))};
    origin.sin_addr.s_addr        = htonl(INADDR_LOOPBACK);
    MUST(TSHttpTxnServerAddrSet(txnp, (struct sockaddr *)&origin) == TS_SUCCESS);
    MUST(before->sa_family == AF_INET6 && TSHttpTxnServerAddrGet(txnp)->sa_family == AF_INET);
  } else if (event == TS_EVENT_HTTP_TXN_CLOSE) {
    MUST(TSHttpTxnClientAddrGet(txnp) == client && TSHttpSsnClientAddrGet(ssnp) != client);
    MUST(port_of(client) == port_of(TSHttpSsnClientAddrGet(ssnp)));
    say("incoming %u %u", port_of(TSHttpTxnIncomingAddrGet(txnp)), port_of(TSHttpSsnIncomingAddrGet(ssnp)));
    say("origin %u %u", port_of(TSHttpTxnServerAddrGet(txnp)), port_of(TSHttpTxnNextHopAddrGet(txnp)));
    MUST(port_of(TSHttpTxnOutgoingAddrGet(txnp)) != 0);
    struct sockaddr_in origin = {.sin_family = AF_INET};
    MUST(TSHttpTxnServerAddrSet(txnp, (struct sockaddr *)&origin) == TS_ERROR);
    MUST(TSHttpTxnIdGet(txnp) != 0 && TSHttpTxnIsInternal(txnp) == 0);
    TSHRTime start;
    MUST(TSHttpTxnMilestoneGet(txnp, TS_MILESTONE_SM_START, &start) == TS_SUCCESS && start > 0);
    MUST(TSHttpTxnMilestoneGet(txnp, TS_MILESTONE_SM_FINISH, &time) == TS_SUCCESS && time >= start);
    MUST(TSHttpTxnMilestoneGet(txnp, TS_MILESTONE_CACHE_OPEN_READ_BEGIN, &time) == TS_ERROR && time == -1);
    MUST(TSHttpTxnMilestoneGet(txnp, TS_MILESTONE_LAST_ENTRY, &time) == TS_ERROR && time == -1);
    MUST(TSHttpTxnAborted(txnp, &by_client) == TS_ERROR && !by_client);
  }
  go_on(event, edata);
  return 0;
}

ENTRY(facts)
{
  MUST(argc == 2);
  setenv("ORIGIN_PORT", argv[1], 1);
  TSCont contp = TSContCreate(facts_handler, NULL);
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_OS_DNS_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_TXN_CLOSE_HOOK, contp);
}

/* Limits: the one that is named in the first argument is too short. */

static int limit;

static int
limits_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  void (*const set[])(TSHttpTxn, int) = {TSHttpTxnActiveTimeoutSet, TSHttpTxnNoActivityTimeoutSet,
                                         TSHttpTxnConnectTimeoutSet, TSHttpTxnDNSTimeoutSet};
  set[limit](txnp, 1);
  set[limit](txnp, -1);
  go_on(event, edata);
  return 0;
}

ENTRY(limits)
{
  MUST(argc == 2);
  limit = atoi(argv[1]);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, TSContCreate(limits_handler, NULL));
}

/* A status that is set before the request is mapped, and one that is taken back, or comes too late. */

static int
status_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSMBuffer bufp;
  TSMLoc    hdr, url;
  int       length;
  MUST(TSHttpTxnClientReqGet(txnp, &bufp, &hdr) == TS_SUCCESS && TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS);
  TSHttpStatus status = (TSHttpStatus)atoi(TSUrlPathGet(bufp, url, &length));
  if (event == TS_EVENT_HTTP_READ_REQUEST_HDR && status != TS_HTTP_STATUS_OK) {
    MUST(TSHttpTxnStatusGet(txnp) == TS_HTTP_STATUS_NONE);
    TSHttpTxnStatusSet(txnp, status);
    MUST(TSHttpTxnStatusGet(txnp) == status);
  } else if (event == TS_EVENT_HTTP_PRE_REMAP && status == TS_HTTP_STATUS_GONE) {
    TSHttpTxnStatusSet(txnp, TS_HTTP_STATUS_NONE);
  } else if (event == TS_EVENT_HTTP_POST_REMAP) {
    TSHttpTxnStatusSet(txnp, TS_HTTP_STATUS_SEE_OTHER);
  }
  go_on(event, edata);
  return 0;
}

ENTRY(statuses)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(status_handler, NULL);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_PRE_REMAP_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_POST_REMAP_HOOK, contp);
}

/* No limit at all, which is what zero means. */

static int
no_limits_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSHttpTxnActiveTimeoutSet(txnp, 0);
  TSHttpTxnNoActivityTimeoutSet(txnp, 0);
  TSHttpTxnConnectTimeoutSet(txnp, 0);
  TSHttpTxnDNSTimeoutSet(txnp, 0);
  go_on(event, edata);
  return 0;
}

ENTRY(no_limits)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, TSContCreate(no_limits_handler, NULL));
}

/* The request's body as a whole. */

static int
body_handler(TSCont contp, TSEvent event, void *edata)
{
  static TSIOBufferReader kept;
  TSHttpTxn txnp = (TSHttpTxn)edata;
  if (event == TS_EVENT_HTTP_READ_REQUEST_HDR) {
    MUST(TSHttpTxnPostBufferReaderGet(txnp) == NULL);
    MUST(TSHttpTxnConfigIntSet(txnp, TS_CONFIG_HTTP_REQUEST_BUFFER_ENABLED, 1) == TS_SUCCESS);
    MUST(TSHttpTxnConfigIntSet(txnp, TS_CONFIG_HTTP_REQUEST_BUFFER_ENABLED, 0) == TS_ERROR);
    MUST(TSHttpTxnConfigIntSet(txnp, TS_CONFIG_HTTP_CONNECT_ATTEMPTS_TIMEOUT, 7) == TS_SUCCESS);
    MUST(TSHttpTxnConfigIntSet(txnp, TS_CONFIG_HTTP_CONNECT_ATTEMPTS_TIMEOUT, -1) == TS_ERROR);
    MUST(TSHttpTxnConfigIntSet(txnp, TS_CONFIG_NULL, 1) == TS_ERROR);
    MUST(TSHttpTxnHookAdd(txnp, TS_HTTP_REQUEST_BUFFER_READ_COMPLETE_HOOK, contp) == TS_SUCCESS);
    if (kept != NULL) {
      /* It has ended with its transaction. */
      TSIOBufferReaderAvail(kept);
    }
  } else {
    MUST(TSHttpTxnConfigIntSet(txnp, TS_CONFIG_HTTP_REQUEST_BUFFER_ENABLED, 1) == TS_ERROR);
    TSIOBufferReader readerp = TSHttpTxnPostBufferReaderGet(txnp);
    int64_t          length  = TSIOBufferReaderAvail(readerp);
    int64_t          begins;
    const char      *begin = TSIOBufferBlockReadStart(TSIOBufferReaderStart(readerp), readerp, &begins);
    say("%d bytes from %.*s", (int)length, begins < 4 ? (int)begins : 4, begin);
    TSIOBufferReaderFree(readerp);
    kept = TSHttpTxnPostBufferReaderGet(txnp);
    MUST(kept != NULL && TSIOBufferReaderAvail(kept) == length);
  }
  go_on(event, edata);
  return 0;
}

ENTRY(a_body_as_a_whole)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, TSContCreate(body_handler, NULL));
}

/* Life-cycle hooks. */

static int
life_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  if (event == TS_EVENT_LIFECYCLE_MSG) {
    const TSPluginMsg *message = (const TSPluginMsg *)edata;
    say("%s says %.*s", message->tag, (int)message->data_size, (const char *)message->data);
  } else {
    MUST(edata == NULL);
    say("%s", TSHttpEventNameLookup(event) + strlen("TS_EVENT_LIFECYCLE_"));
  }
  return 0;
}

ENTRY(life_cycle)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(life_handler, TSMutexCreate());
  TSLifecycleHookAdd(TS_LIFECYCLE_SHUTDOWN_HOOK, contp);
  TSLifecycleHookAdd(TS_LIFECYCLE_LOG_INITIALIZED_HOOK, contp);
  TSLifecycleHookAdd(TS_LIFECYCLE_PORTS_READY_HOOK, contp);
  TSLifecycleHookAdd(TS_LIFECYCLE_PORTS_INITIALIZED_HOOK, contp);
  TSLifecycleHookAdd(TS_LIFECYCLE_MSG_HOOK, contp);
  say("initialised");
}

/* A message finds the mutex busy. */

static TSMutex busy;
static Tally   held = TALLY, asked = TALLY;

static void *
holds(void *data UNUSED)
{
  TSMutexLock(busy);
  tell(&held);
  wait_for(&asked, 1);
  say("let go");
  TSMutexUnlock(busy);
  return NULL;
}

static int
asked_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  tell(&asked);
  return 0;
}

ENTRY(a_busy_mutex)
{
  (void)argc, (void)argv;
  busy = TSMutexCreate();
  TSLifecycleHookAdd(TS_LIFECYCLE_MSG_HOOK, TSContCreate(asked_handler, NULL));
  TSLifecycleHookAdd(TS_LIFECYCLE_MSG_HOOK, TSContCreate(life_handler, busy));
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, holds, NULL) == 0);
  wait_for(&held, 1);
}
