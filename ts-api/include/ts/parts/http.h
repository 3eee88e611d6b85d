/* Hooks, sessions, transactions. Part of <ts/ts.h>.
 *
 * A handler that a hook calls is called on the thread of its transaction or session, whose mutex is held, and so is the
 * continuation's own. What follows waits until the plugin re-enables: exactly once for each call, from any thread. Calls that
 * ask or change something about a transaction or session belong into such a handler, or between it and the re-enabling.
 */

#ifndef TS_PARTS_HTTP_H
#define TS_PARTS_HTTP_H

#include <ts/apidefs.h>

#ifdef __cplusplus
#include <string_view>
extern "C" {
#endif

/* ---- Hooks ----
 *
 * Called in the order of addition, those of the process first, then the session's, then the transaction's. The event is 60002
 * and the number of the hook; the data is the TSHttpTxn, or the TSHttpSsn for the hooks of sessions.
 *
 * TS_ERROR: there is no such hook here, or the transaction is past it, so that the continuation would not be called. Faults: a
 * number that is no hook.
 */

/** For everything that begins from now on. On any thread. */
TSReturnCode TSHttpHookAdd(TSHttpHookID id, TSCont contp);

/** For this session and its transactions. */
TSReturnCode TSHttpSsnHookAdd(TSHttpSsn ssnp, TSHttpHookID id, TSCont contp);

/** For this transaction. The same continuation twice on the same hook counts once. */
TSReturnCode TSHttpTxnHookAdd(TSHttpTxn txnp, TSHttpHookID id, TSCont contp);

/**
 * Lets a transaction go on: with TS_EVENT_HTTP_CONTINUE to the next hook, with TS_EVENT_HTTP_ERROR to an error response, past
 * the hooks that are left here. Nothing of it happens inside the call. On any thread.
 *
 * TS_ERROR: nothing waits for this plugin to re-enable it: it has done so, or it took so long that the host has gone on as with
 * TS_EVENT_HTTP_ERROR. Faults: another event.
 */
TSReturnCode TSHttpTxnReenable(TSHttpTxn txnp, TSEvent event);

/** Lets a session go on, or with TS_EVENT_HTTP_ERROR ends it. Otherwise as TSHttpTxnReenable(). */
TSReturnCode TSHttpSsnReenable(TSHttpSsn ssnp, TSEvent event);

/* ---- Names, for logs. "unknown" or the like for a number that has none; never null. On any thread ---- */

const char *TSHttpHookNameLookup(TSHttpHookID hook);
const char *TSHttpEventNameLookup(TSEvent event);
const char *TSHttpServerStateNameLookup(TSServerState state);

/* ---- Sessions ---- */

/** Its number, which no other session of the process has. */
int64_t TSHttpSsnIdGet(TSHttpSsn ssnp);

/** How many transactions it has begun. */
int TSHttpSsnTransactionCount(TSHttpSsn ssnp);

/** One if it is the host's own, otherwise zero. */
int TSHttpSsnIsInternal(TSHttpSsn ssnp);

/** What there is to know of it as a number. TS_ERROR: it is not known; `sub_key` is 0 for all keys that are. */
#ifdef __cplusplus
TSReturnCode TSHttpSsnInfoIntGet(TSHttpSsn ssnp, TSHttpSsnInfoKey key, TSMgmtInt *value, uint64_t sub_key = 0);
#else
TSReturnCode TSHttpSsnInfoIntGet(TSHttpSsn ssnp, TSHttpSsnInfoKey key, TSMgmtInt *value, uint64_t sub_key);
#endif

/** The client's address, and ours that it came to, null if the system did not say. They stay as long as the session. */
struct sockaddr const *TSHttpSsnClientAddrGet(TSHttpSsn ssnp);
struct sockaddr const *TSHttpSsnIncomingAddrGet(TSHttpSsn ssnp);

/**
 * The number of the client's socket. It is for looking at it and setting options, until the handler returns; then the number may be
 * another's. TS_ERROR, and -1: it is closed.
 */
TSReturnCode TSHttpSsnClientFdGet(TSHttpSsn ssnp, int *fdp);

/* ---- Transactions: what they are ---- */

/** Its number, which no other transaction of the process has. */
uint64_t TSHttpTxnIdGet(TSHttpTxn txnp);

/** Its session. */
TSHttpSsn TSHttpTxnSsnGet(TSHttpTxn txnp);

/** One if it is the host's own, otherwise zero. */
int TSHttpTxnIsInternal(TSHttpTxn txnp);

/** Whether it is a request with its response, or a tunnel; that is told from TS_HTTP_TUNNEL_START_HOOK on. */
TSTxnType TSHttpTxnTypeGet(TSHttpTxn txnp);

/** Zero: nobody switches to that protocol here. */
int TSHttpTxnIsWebsocket(TSHttpTxn txnp);

/**
 * How the origin fares, when the last hook was reached. At TS_HTTP_SEND_RESPONSE_HDR_HOOK it tells a response of the origin's,
 * TS_SRVSTATE_CONNECTION_ALIVE, from one that is there because the origin failed.
 */
TSServerState TSHttpTxnServerStateGet(TSHttpTxn txnp);

/** How many requests the connection to the origin had been given before; 0 if it is a new one, or there is none. */
int TSHttpTxnServerSsnTransactionCount(TSHttpTxn txnp);

/** TS_SUCCESS if it was broken off, and whether the client did that. TS_ERROR: it was not. */
TSReturnCode TSHttpTxnAborted(TSHttpTxn txnp, bool *client_abort);

/** When it came to this moment, in nanoseconds on a clock of the process; 0 if it did not. TS_ERROR: no such moment is noted. */
TSReturnCode TSHttpTxnMilestoneGet(TSHttpTxn txnp, TSMilestonesType milestone, TSHRTime *time);

/* ---- Transactions: their messages. TS_ERROR: the message is not there yet, or not any more ---- */

TSReturnCode TSHttpTxnClientReqGet(TSHttpTxn txnp, TSMBuffer *bufp, TSMLoc *offset);
TSReturnCode TSHttpTxnClientRespGet(TSHttpTxn txnp, TSMBuffer *bufp, TSMLoc *offset);
TSReturnCode TSHttpTxnServerReqGet(TSHttpTxn txnp, TSMBuffer *bufp, TSMLoc *offset);
TSReturnCode TSHttpTxnServerRespGet(TSHttpTxn txnp, TSMBuffer *bufp, TSMLoc *offset);

/** The URL as the client asked for it, before it was mapped. */
TSReturnCode TSHttpTxnPristineUrlGet(TSHttpTxn txnp, TSMBuffer *bufp, TSMLoc *url_loc);

/** The whole URL of the request, its Host field taken into account, for TSfree(). Null: there is no request. */
char *TSHttpTxnEffectiveUrlStringGet(TSHttpTxn txnp, int *length);

/* ---- Transactions: how many bytes their messages have had when the last hook was reached
 *
 * Heads as they stand on a connection of HTTP/1, with the empty line; bodies without their framing. At TS_HTTP_TXN_CLOSE_HOOK it is
 * all of them.
 */

int     TSHttpTxnClientReqHdrBytesGet(TSHttpTxn txnp);
int64_t TSHttpTxnClientReqBodyBytesGet(TSHttpTxn txnp);
int     TSHttpTxnServerReqHdrBytesGet(TSHttpTxn txnp);
int64_t TSHttpTxnServerReqBodyBytesGet(TSHttpTxn txnp);
int     TSHttpTxnServerRespHdrBytesGet(TSHttpTxn txnp);
int64_t TSHttpTxnServerRespBodyBytesGet(TSHttpTxn txnp);
int     TSHttpTxnClientRespHdrBytesGet(TSHttpTxn txnp);
int64_t TSHttpTxnClientRespBodyBytesGet(TSHttpTxn txnp);

/* ---- Transactions: addresses. They stay as long as the transaction; null: not known (yet) ---- */

/** The client's, and ours that it came to. */
struct sockaddr const *TSHttpTxnClientAddrGet(TSHttpTxn txnp);
struct sockaddr const *TSHttpTxnIncomingAddrGet(TSHttpTxn txnp);

/** The origin's, and ours that we go from. */
struct sockaddr const *TSHttpTxnServerAddrGet(TSHttpTxn txnp);
struct sockaddr const *TSHttpTxnOutgoingAddrGet(TSHttpTxn txnp);
struct sockaddr const *TSHttpTxnNextHopAddrGet(TSHttpTxn txnp);

/** The origin's host, as the request was mapped, ended by a NUL, and its port. They stay too. Null and -1: not decided yet. */
const char *TSHttpTxnNextHopNameGet(TSHttpTxn txnp);
int         TSHttpTxnNextHopPortGet(TSHttpTxn txnp);

/** Which address to connect to, instead of looking one up. Before the origin is looked up; later TS_ERROR. */
TSReturnCode TSHttpTxnServerAddrSet(TSHttpTxn txnp, struct sockaddr const *addr);

/** The numbers of the sockets at its two ends, as with TSHttpSsnClientFdGet(); the origin's also serves others afterwards. */
TSReturnCode TSHttpTxnClientFdGet(TSHttpTxn txnp, int *fdp);
TSReturnCode TSHttpTxnServerFdGet(TSHttpTxn txnp, int *fdp);

/* What the packets to the client are marked with from now on. TS_ERROR: the system refuses it, or no such value can be. */
TSReturnCode TSHttpTxnClientPacketMarkSet(TSHttpTxn txnp, int mark);
/** The lower two bits are the network's, and not set. */
TSReturnCode TSHttpTxnClientPacketTosSet(TSHttpTxn txnp, int tos);
TSReturnCode TSHttpTxnClientPacketDscpSet(TSHttpTxn txnp, int dscp);

/**
 * Which address of ours to go from; port 0 is any. Before the origin is looked up; later TS_ERROR. Connections are not shared with
 * requests that go from elsewhere. From an address that is not ours the origin cannot be reached: 502.
 */
TSReturnCode TSHttpTxnOutgoingAddrSet(TSHttpTxn txnp, struct sockaddr const *addr);

/** The client's address as a plugin has made sure of it, for other plugins; the host itself does nothing with it. TS_ERROR: none. */
TSReturnCode TSHttpTxnVerifiedAddrSet(TSHttpTxn txnp, const struct sockaddr *addr);
TSReturnCode TSHttpTxnVerifiedAddrGet(TSHttpTxn txnp, const struct sockaddr **addr);

/* ---- Transactions: what becomes of them ---- */

/**
 * Turns a switch. With TS_HTTP_CNTL_SKIP_REMAPPING, up to TS_HTTP_PRE_REMAP_HOOK, there is no TS_HTTP_POST_REMAP_HOOK, and what
 * clients may not be taken to is refused. TS_ERROR: it is too late; there is no such switch.
 */
TSReturnCode TSHttpTxnCntlSet(TSHttpTxn txnp, TSHttpCntlType cntl, bool data);
bool         TSHttpTxnCntlGet(TSHttpTxn txnp, TSHttpCntlType cntl);

/**
 * Asks another URL, an "http" one, instead when the origin has answered: up to TS_HTTP_READ_RESPONSE_HDR_HOOK, and at
 * TS_HTTP_SEND_RESPONSE_HDR_HOOK if it failed. The hooks from TS_HTTP_OS_DNS_HOOK on come again, for the client's method and fields
 * with the URL's host. It is followed once; a transaction goes elsewhere ten times at most, and not at all if its body was not
 * kept back (TS_CONFIG_HTTP_REQUEST_BUFFER_ENABLED). The log says what was not followed.
 *
 * `url` is of TSmalloc() or the like, and the host's from now on. Where it leads nobody looks but the plugin: what was taken from a
 * response is what somebody else says.
 */
void TSHttpTxnRedirectUrlSet(TSHttpTxn txnp, const char *url, const int url_len);

/** That URL until it is followed, and its length; null if there is none. It stays as long as the transaction. */
const char *TSHttpTxnRedirectUrlGet(TSHttpTxn txnp, int *url_len_ptr);

/** How often another URL has been asked instead. */
int TSHttpTxnRedirectRetries(TSHttpTxn txnp);

/**
 * Sets a setting for this transaction alone; times are seconds, zero for without end. They hold for what begins afterwards. A
 * request whose body is kept back until it is there as a whole
 * comes to TS_HTTP_REQUEST_BUFFER_READ_COMPLETE_HOOK; that can be asked for up to TS_HTTP_POST_REMAP_HOOK, and not be taken back. A
 * body of more than a megabyte is then answered 413.
 *
 * TS_ERROR: a value below zero; it is too late.
 */
TSReturnCode TSHttpTxnConfigIntSet(TSHttpTxn txnp, TSOverridableConfigKey conf, TSMgmtInt value);

/** What of it is in force for this transaction. TS_ERROR: there is no such setting. */
TSReturnCode TSHttpTxnConfigIntGet(TSHttpTxn txnp, TSOverridableConfigKey conf, TSMgmtInt *value);

/* TS_ERROR: the setting is of another type. That is so of all settings that there are. */
TSReturnCode TSHttpTxnConfigFloatSet(TSHttpTxn txnp, TSOverridableConfigKey conf, TSMgmtFloat value);
TSReturnCode TSHttpTxnConfigFloatGet(TSHttpTxn txnp, TSOverridableConfigKey conf, TSMgmtFloat *value);
TSReturnCode TSHttpTxnConfigStringSet(TSHttpTxn txnp, TSOverridableConfigKey conf, const char *value, int length);
TSReturnCode TSHttpTxnConfigStringGet(TSHttpTxn txnp, TSOverridableConfigKey conf, const char **value, int *length);

/**
 * The setting of a record's name, such as "proxy.config.http.connect_attempts_timeout", and its type, if that is not null. TS_ERROR:
 * transactions have no such setting of their own. On any thread.
 */
TSReturnCode TSHttpTxnConfigFind(const char *name, int length, TSOverridableConfigKey *conf, TSRecordDataType *type);

/**
 * A reader of such a body, for TSIOBufferReaderFree(); null if it is not there. The buffer is the transaction's, and ends with it
 * and all its readers.
 */
TSIOBufferReader TSHttpTxnPostBufferReaderGet(TSHttpTxn txnp);

/**
 * A status from 200 to 599; another one is not set. When the request has been mapped, that is after TS_HTTP_PRE_REMAP_HOOK and the
 * rule's plugins, it is answered with that status and no origin is asked. From 400 on it is also that of the response that an error
 * brings, at any hook. TS_HTTP_STATUS_NONE: it is not to be answered so.
 */
void TSHttpTxnStatusSet(TSHttpTxn txnp, TSHttpStatus status);

/** As TSHttpTxnStatusSet(), and who says so, for logs. Below zero the text ends with a NUL. */
void TSHttpTxnStatusSetBy(TSHttpTxn txnp, TSHttpStatus status, const char *setter, int setter_len);

/** The status that was set, TS_HTTP_STATUS_NONE if none was. */
TSHttpStatus TSHttpTxnStatusGet(TSHttpTxn txnp);

/**
 * The body of the response that an error brings, and its type, null for "text/html", empty for none. At
 * TS_HTTP_SEND_RESPONSE_HDR_HOOK it becomes the body of the response that is about to go, whoever made that. Both are of
 * TSmalloc() or the like, and the host's from now on. Null takes back what was set before.
 */
void TSHttpTxnErrorBodySet(TSHttpTxn txnp, char *buf, size_t buflength, char *mimetype);

/** A copy of that body, for TSfree(), its length, and a copy of its type; both places may be null. Null: none was set. */
char *TSHttpTxnErrorBodyGet(TSHttpTxn txnp, size_t *buflength, char **mimetype);

/** Limits of this transaction, in milliseconds, zero for without end; without activity: of the client, and of the origin. */
void TSHttpTxnActiveTimeoutSet(TSHttpTxn txnp, int timeout);
void TSHttpTxnConnectTimeoutSet(TSHttpTxn txnp, int timeout);
void TSHttpTxnDNSTimeoutSet(TSHttpTxn txnp, int timeout);
void TSHttpTxnNoActivityTimeoutSet(TSHttpTxn txnp, int timeout);

/* ---- The protocols of the connection to the client, and to the origin: tags such as "http/1.1", "tcp", "ipv4", outermost first.
 *
 * Puts at most `count` tags into `result`, and says in `actual`, if it is not null, how many there are. TS_ERROR, and none: no
 * request, or no connection to an origin, yet. A session's are known from the begin, but for its version of HTTP.
 */
TSReturnCode TSHttpTxnClientProtocolStackGet(TSHttpTxn txnp, int count, const char **result, int *actual);
TSReturnCode TSHttpSsnClientProtocolStackGet(TSHttpSsn ssnp, int count, const char **result, int *actual);
TSReturnCode TSHttpTxnServerProtocolStackGet(TSHttpTxn txnp, int count, const char **result, int *actual);

/* The first tag that begins with this one, or null. */
const char *TSHttpTxnClientProtocolStackContains(TSHttpTxn txnp, const char *tag);
const char *TSHttpSsnClientProtocolStackContains(TSHttpSsn ssnp, const char *tag);
const char *TSHttpTxnServerProtocolStackContains(TSHttpTxn txnp, const char *tag);

/** The pointer that these calls give for a tag, or null if they never give it. On any thread. */
const char *TSNormalizedProtocolTag(const char *tag);

/* ---- Debug output for chosen sessions, with their transactions, and for chosen transactions ----
 *
 * `on` is one or zero. Plugins ask, and write more: see SpecificDbg(). With the record proxy.config.diags.debug.enabled at 2, the
 * tags that are wanted are written by the handlers of such sessions and transactions, and by no others. On any thread.
 */
void         TSHttpSsnDebugSet(TSHttpSsn ssnp, int on);
TSReturnCode TSHttpSsnDebugGet(TSHttpSsn ssnp, int *on);
void         TSHttpTxnDebugSet(TSHttpTxn txnp, int on);
int          TSHttpTxnDebugGet(TSHttpTxn txnp);

#ifdef __cplusplus
}

/** As TSHttpTxnStatusSet(), and who says so, for logs. */
inline void
TSHttpTxnStatusSet(TSHttpTxn txnp, TSHttpStatus status, std::string_view setter)
{
  TSHttpTxnStatusSetBy(txnp, status, setter.data(), static_cast<int>(setter.size()));
}
#endif

#endif
