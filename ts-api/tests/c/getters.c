/* What there is to know of sessions and transactions, and to set. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

static void
go_on(TSEvent event, void *edata)
{
  if (event == TS_EVENT_HTTP_SSN_START || event == TS_EVENT_HTTP_SSN_CLOSE) {
    MUST(TSHttpSsnReenable((TSHttpSsn)edata, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  } else {
    MUST(TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  }
}

static void
hook(TSEventFunc handler, const TSHttpHookID *ids, size_t count)
{
  TSCont contp = TSContCreate(handler, NULL);
  for (size_t i = 0; i < count; i++) {
    MUST(TSHttpHookAdd(ids[i], contp) == TS_SUCCESS);
  }
}

#define HOOK(handler, ...)                                                        \
  do {                                                                            \
    (void)argc, (void)argv;                                                       \
    const TSHttpHookID ids[] = {__VA_ARGS__};                                     \
    hook(handler, ids, sizeof ids / sizeof *ids);                                 \
  } while (0)

/* Where it goes. */

static int
where_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn   txnp  = (TSHttpTxn)edata;
  TSHttpSsn   ssnp  = TSHttpTxnSsnGet(txnp);
  const char *name  = TSHttpTxnNextHopNameGet(txnp);
  const char *state = TSHttpServerStateNameLookup(TSHttpTxnServerStateGet(txnp));
  TSMgmtInt   count = 0;
  MUST(name == TSHttpTxnNextHopNameGet(txnp));
  MUST(TSHttpTxnTypeGet(txnp) == TS_TXN_TYPE_HTTP && TSHttpTxnIsWebsocket(txnp) == 0);
  MUST(TSHttpSsnInfoIntGet(ssnp, TS_SSN_INFO_TRANSACTION_COUNT, &count, 0) == TS_SUCCESS);
  MUST(count == TSHttpSsnTransactionCount(ssnp));
  MUST(TSHttpSsnInfoIntGet(ssnp, TS_SSN_INFO_TRANSACTION_COUNT, &count, 1) == TS_ERROR);
  MUST(TSHttpSsnInfoIntGet(ssnp, (TSHttpSsnInfoKey)17, &count, 0) == TS_ERROR);
  say("%s: %s %d, %s, %d", TSHttpEventNameLookup(event) + strlen("TS_EVENT_HTTP_"), name == NULL ? "(null)" : name,
      TSHttpTxnNextHopPortGet(txnp), state, TSHttpTxnServerSsnTransactionCount(txnp));
  go_on(event, edata);
  return 0;
}

ENTRY(where_it_goes)
{
  HOOK(where_handler, TS_HTTP_READ_REQUEST_HDR_HOOK, TS_HTTP_POST_REMAP_HOOK, TS_HTTP_READ_RESPONSE_HDR_HOOK,
       TS_HTTP_TXN_CLOSE_HOOK);
}

static int
failures_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  say("%s", TSHttpServerStateNameLookup(TSHttpTxnServerStateGet((TSHttpTxn)edata)));
  go_on(event, edata);
  return 0;
}

ENTRY(failures)
{
  HOOK(failures_handler, TS_HTTP_SEND_RESPONSE_HDR_HOOK);
}

/* Whom debug output is wanted for. */

static int
chooses_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  int on = -1;
  if (event == TS_EVENT_HTTP_SSN_START) {
    TSHttpSsn ssnp = (TSHttpSsn)edata;
    MUST(TSHttpSsnDebugGet(ssnp, &on) == TS_SUCCESS && on == 0);
    TSHttpSsnDebugSet(ssnp, 1);
    MUST(TSHttpSsnDebugGet(ssnp, &on) == TS_SUCCESS && on == 1);
  } else {
    TSHttpTxn txnp = (TSHttpTxn)edata;
    MUST(TSHttpTxnDebugGet(txnp) == 1);
    TSHttpTxnDebugSet(txnp, 0);
    MUST(TSHttpTxnDebugGet(txnp) == 0);
    TSHttpTxnDebugSet(txnp, 7);
    MUST(TSHttpSsnDebugGet(TSHttpTxnSsnGet(txnp), &on) == TS_SUCCESS);
    say("transaction %d of session %d", TSHttpSsnTransactionCount(TSHttpTxnSsnGet(txnp)), on);
    MUST(TSHttpTxnDebugGet(txnp) == 1);
  }
  go_on(event, edata);
  return 0;
}

ENTRY(chooses)
{
  HOOK(chooses_handler, TS_HTTP_SSN_START_HOOK, TS_HTTP_READ_REQUEST_HDR_HOOK);
}

/* How many bytes its messages have. */

static int
bytes_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  say("%d %d %d %d", TSHttpTxnClientReqHdrBytesGet(txnp) > 0, TSHttpTxnServerReqHdrBytesGet(txnp) > 0,
      TSHttpTxnServerRespHdrBytesGet(txnp) > 0, TSHttpTxnClientRespHdrBytesGet(txnp) > 0);
  say("%d %d %d %d", (int)TSHttpTxnClientReqBodyBytesGet(txnp), (int)TSHttpTxnServerReqBodyBytesGet(txnp),
      (int)TSHttpTxnServerRespBodyBytesGet(txnp), (int)TSHttpTxnClientRespBodyBytesGet(txnp));
  go_on(event, edata);
  return 0;
}

ENTRY(bytes)
{
  HOOK(bytes_handler, TS_HTTP_READ_REQUEST_HDR_HOOK, TS_HTTP_TXN_CLOSE_HOOK);
}

/* Settings of its own. */

static int
settings_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  static const char *const names[] = {"http.keep_alive_enabled_in", "http.keep_alive_enabled_out",
                                      "http.keep_alive_no_activity_timeout_in", "http.keep_alive_no_activity_timeout_out",
                                      "http.transaction_no_activity_timeout_in", "http.transaction_no_activity_timeout_out",
                                      "http.transaction_active_timeout_out", "http.connect_attempts_timeout",
                                      "http.transaction_active_timeout_in", "http.request_buffer_enabled"};
  TSHttpTxn              txnp = (TSHttpTxn)edata;
  TSOverridableConfigKey key;
  TSRecordDataType       type;
  TSMgmtInt              value, after;
  TSMgmtFloat            number;
  const char            *text;
  int                    length;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char name[80];
    snprintf(name, sizeof name, "proxy.config.%s", names[i]);
    type = TS_RECORDDATATYPE_NULL;
    MUST(TSHttpTxnConfigFind(name, i % 2 ? -1 : (int)strlen(name), &key, &type) == TS_SUCCESS);
    MUST(type == TS_RECORDDATATYPE_INT);
    MUST(TSHttpTxnConfigIntGet(txnp, key, &value) == TS_SUCCESS);
    MUST(TSHttpTxnConfigIntSet(txnp, key, -1) == TS_ERROR);
    MUST(TSHttpTxnConfigIntSet(txnp, key, value + 1) == TS_SUCCESS);
    MUST(TSHttpTxnConfigIntGet(txnp, key, &after) == TS_SUCCESS);
    say("%d %s %d %d", (int)key, names[i], (int)value, (int)after);
    MUST(TSHttpTxnConfigIntSet(txnp, key, 0) == (i == 9 ? TS_ERROR : TS_SUCCESS));
    MUST(TSHttpTxnConfigIntGet(txnp, key, &after) == TS_SUCCESS && after == (i == 9));
    MUST(TSHttpTxnConfigFloatGet(txnp, key, &number) == TS_ERROR && TSHttpTxnConfigFloatSet(txnp, key, 1) == TS_ERROR);
    MUST(TSHttpTxnConfigStringGet(txnp, key, &text, &length) == TS_ERROR);
    MUST(TSHttpTxnConfigStringSet(txnp, key, "1", -1) == TS_ERROR);
  }
  MUST(TSHttpTxnConfigFind("proxy.config.http.connect_attempts_timeout", -1, &key, NULL) == TS_SUCCESS);
  MUST(TSHttpTxnConfigFind("proxy.config.http.cache.http", -1, &key, &type) == TS_ERROR);
  MUST(TSHttpTxnConfigFind("http.connect_attempts_timeout", -1, &key, &type) == TS_ERROR);
  MUST(TSHttpTxnConfigIntGet(txnp, TS_CONFIG_NULL, &value) == TS_ERROR);
  MUST(TSHttpTxnConfigIntGet(txnp, (TSOverridableConfigKey)10, &value) == TS_ERROR);
  go_on(event, edata);
  return 0;
}

ENTRY(settings)
{
  HOOK(settings_handler, TS_HTTP_READ_REQUEST_HDR_HOOK);
}

/* Another URL instead. */

static char elsewhere[100];

static int
redirect_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn   txnp = (TSHttpTxn)edata;
  int         length = -1;
  const char *url    = TSHttpTxnRedirectUrlGet(txnp, &length);
  MUST(url == NULL && length == 0 && TSHttpTxnRedirectUrlGet(txnp, NULL) == NULL);
  if (event == TS_EVENT_HTTP_READ_RESPONSE_HDR && TSHttpTxnRedirectRetries(txnp) == 0) {
    TSHttpTxnRedirectUrlSet(txnp, TSstrdup("gopher://no"), -1);
    MUST(TSHttpTxnRedirectUrlGet(txnp, &length) == NULL);
    TSHttpTxnRedirectUrlSet(txnp, TSstrdup(elsewhere), (int)strlen(elsewhere) - 1);
    url = TSHttpTxnRedirectUrlGet(txnp, &length);
    MUST(length == (int)strlen(elsewhere) - 1 && memcmp(url, elsewhere, length) == 0 && url[length] == '\0');
  } else {
    say("%s after %d", TSHttpEventNameLookup(event) + strlen("TS_EVENT_HTTP_"), TSHttpTxnRedirectRetries(txnp));
  }
  go_on(event, edata);
  return 0;
}

ENTRY(redirects)
{
  MUST(argc == 2);
  snprintf(elsewhere, sizeof elsewhere, "%s", argv[1]);
  HOOK(redirect_handler, TS_HTTP_READ_RESPONSE_HDR_HOOK, TS_HTTP_SEND_RESPONSE_HDR_HOOK, TS_HTTP_TXN_CLOSE_HOOK);
}

/* Addresses that are set. */

static int
addresses_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn              txnp = (TSHttpTxn)edata;
  struct sockaddr_in     from = {.sin_family = AF_INET};
  const struct sockaddr *addr = (const struct sockaddr *)&from;
  from.sin_addr.s_addr        = htonl(INADDR_LOOPBACK + 1);
  if (event == TS_EVENT_HTTP_READ_REQUEST_HDR) {
    MUST(TSHttpTxnOutgoingAddrSet(txnp, addr) == TS_SUCCESS);
    MUST(TSHttpTxnVerifiedAddrGet(txnp, &addr) == TS_ERROR && addr == NULL);
    MUST(TSHttpTxnVerifiedAddrSet(txnp, (const struct sockaddr *)&from) == TS_SUCCESS);
    from.sin_family = AF_UNIX;
    MUST(TSHttpTxnOutgoingAddrSet(txnp, (const struct sockaddr *)&from) == TS_ERROR);
    MUST(TSHttpTxnVerifiedAddrSet(txnp, (const struct sockaddr *)&from) == TS_ERROR);
  } else {
    MUST(TSHttpTxnOutgoingAddrSet(txnp, addr) == TS_ERROR);
    char                      text[INET_ADDRSTRLEN];
    const struct sockaddr_in *ours = (const struct sockaddr_in *)TSHttpTxnOutgoingAddrGet(txnp);
    say("from %s", inet_ntop(AF_INET, &ours->sin_addr, text, sizeof text));
    MUST(TSHttpTxnVerifiedAddrGet(txnp, &addr) == TS_SUCCESS);
    say("for %s", inet_ntop(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, text, sizeof text));
  }
  go_on(event, edata);
  return 0;
}

ENTRY(addresses)
{
  HOOK(addresses_handler, TS_HTTP_READ_REQUEST_HDR_HOOK, TS_HTTP_TXN_CLOSE_HOOK);
}

/* Sockets, and what marks packets. */

static int
service(int fd)
{
  int       value  = -1;
  socklen_t length = sizeof value;
  MUST(getsockopt(fd, IPPROTO_IP, IP_TOS, &value, &length) == 0);
  return value;
}

static int
sockets_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  int fd = 0;
  if (event == TS_EVENT_HTTP_SSN_START) {
    MUST(TSHttpSsnClientFdGet((TSHttpSsn)edata, &fd) == TS_SUCCESS && fd > 2);
  } else if (event == TS_EVENT_HTTP_READ_REQUEST_HDR) {
    TSHttpTxn txnp = (TSHttpTxn)edata;
    MUST(TSHttpTxnServerFdGet(txnp, &fd) == TS_ERROR && fd == -1);
    MUST(TSHttpTxnClientFdGet(txnp, &fd) == TS_SUCCESS && service(fd) == 0);
    MUST(TSHttpTxnClientPacketDscpSet(txnp, 46) == TS_SUCCESS && service(fd) == 46 << 2);
    MUST(TSHttpTxnClientPacketTosSet(txnp, 0x2b) == TS_SUCCESS && service(fd) == 0x28);
    MUST(TSHttpTxnClientPacketDscpSet(txnp, 64) == TS_ERROR && TSHttpTxnClientPacketTosSet(txnp, -1) == TS_ERROR);
    /* Not everybody may. */
    int       marked = TSHttpTxnClientPacketMarkSet(txnp, 7) == TS_SUCCESS, mark = 0;
    socklen_t length = sizeof mark;
    MUST(getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &length) == 0 && mark == (marked ? 7 : 0));
  } else {
    MUST(TSHttpTxnServerFdGet((TSHttpTxn)edata, &fd) == TS_SUCCESS && service(fd) == 0);
    say("looked");
  }
  go_on(event, edata);
  return 0;
}

ENTRY(sockets)
{
  HOOK(sockets_handler, TS_HTTP_SSN_START_HOOK, TS_HTTP_READ_REQUEST_HDR_HOOK, TS_HTTP_SEND_REQUEST_HDR_HOOK);
}

/* A body of a length that was a negative number. */

static int
endless_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  TSHttpTxnErrorBodySet((TSHttpTxn)edata, TSstrdup("short"), (size_t)-1, NULL);
  return 0;
}

ENTRY(endless)
{
  HOOK(endless_handler, TS_HTTP_READ_REQUEST_HDR_HOOK);
}

/* Switches. */

static int
switches_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  if (event == TS_EVENT_HTTP_READ_REQUEST_HDR) {
    MUST(TSHttpTxnCntlGet(txnp, TS_HTTP_CNTL_LOGGING_MODE) && !TSHttpTxnCntlGet(txnp, TS_HTTP_CNTL_TXN_DEBUG));
    MUST(TSHttpTxnCntlSet(txnp, TS_HTTP_CNTL_LOGGING_MODE, false) == TS_SUCCESS);
    MUST(TSHttpTxnCntlSet(txnp, TS_HTTP_CNTL_TXN_DEBUG, true) == TS_SUCCESS && TSHttpTxnDebugGet(txnp) == 1);
    /* By its older name: */
    TSSkipRemappingSet(txnp, 2);
    MUST(TSHttpTxnCntlGet(txnp, TS_HTTP_CNTL_SKIP_REMAPPING));
    TSSkipRemappingSet(txnp, 0);
    MUST(!TSHttpTxnCntlGet(txnp, TS_HTTP_CNTL_SKIP_REMAPPING));
    MUST(TSHttpTxnCntlSet(txnp, TS_HTTP_CNTL_SKIP_REMAPPING, true) == TS_SUCCESS);
    MUST(TSHttpTxnCntlSet(txnp, (TSHttpCntlType)2, true) == TS_ERROR && !TSHttpTxnCntlGet(txnp, (TSHttpCntlType)2));
  } else {
    MUST(TSHttpTxnCntlSet(txnp, TS_HTTP_CNTL_SKIP_REMAPPING, false) == TS_ERROR);
    say("%d %d %d", TSHttpTxnCntlGet(txnp, TS_HTTP_CNTL_LOGGING_MODE), TSHttpTxnCntlGet(txnp, TS_HTTP_CNTL_TXN_DEBUG),
        TSHttpTxnCntlGet(txnp, TS_HTTP_CNTL_SKIP_REMAPPING));
  }
  go_on(event, edata);
  return 0;
}

ENTRY(switches)
{
  HOOK(switches_handler, TS_HTTP_READ_REQUEST_HDR_HOOK, TS_HTTP_TXN_CLOSE_HOOK);
}
