/* Types and constants of the plugin interface. Plugins include <ts/ts.h>, which brings this along.
 *
 * Usable from C11 and from C++17 on. A number, once given, keeps its meaning: enumerations are only added to.
 */

#ifndef TS_APIDEFS_H
#define TS_APIDEFS_H

#if defined(__cplusplus) && __cplusplus < 201703L
#error "the plugin interface needs C++17 or newer"
#endif

#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

/* ---- What compilers are told about functions ---- */

/** The compiler checks the arguments of a function against its format; both places count from 1. */
#ifndef TS_PRINTFLIKE
#if defined(__GNUC__)
#define TS_PRINTFLIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define TS_PRINTFLIKE(text, first)
#endif
#endif

/** The function never comes back. */
#ifndef TS_NORETURN
#if defined(__GNUC__)
#define TS_NORETURN __attribute__((noreturn))
#else
#define TS_NORETURN
#endif
#endif

/** A function that the plugin defines and the host looks up by its name: visible however the plugin is compiled. */
#ifndef TS_ENTRY
#if defined(__GNUC__)
#define TS_ENTRY __attribute__((visibility("default")))
#else
#define TS_ENTRY
#endif
#endif

/* A cast that compilers of both languages take without a word. */
#ifdef __cplusplus
#define TS_CAST(type, value) (static_cast<type>(value))
#else
#define TS_CAST(type, value) ((type)(value))
#endif

/* The type of an enumeration that has to hold other numbers than its own; in C every one holds them. */
#ifdef __cplusplus
#define TS_OPEN_ENUM : int
#else
#define TS_OPEN_ENUM
#endif

/* Before declarations of older sources. It says nothing. */
#ifndef tsapi
#define tsapi
#endif

/* ---- Version ----
 *
 * The version of the plugin interface that these headers follow, for sources that are compiled for several. The version of
 * the host that runs is told by TSTrafficServerVersionGet().
 */

#define TS_VERSION_MAJOR 11
#define TS_VERSION_MINOR 0
#define TS_VERSION_MICRO 0
/** Grows with the version: a million for each major, a thousand for each minor number. */
#define TS_VERSION_NUMBER (TS_VERSION_MAJOR * 1000000 + TS_VERSION_MINOR * 1000 + TS_VERSION_MICRO)
#ifdef __cplusplus
constexpr char TS_VERSION_STRING[] = "11.0.0";
#else
#define TS_VERSION_STRING "11.0.0"
#endif

/* ---- Results ---- */

/** What most calls answer. TS_ERROR is a refusal that a correct plugin has to expect; what it must not do is a fault. */
typedef enum TSReturnCode {
  TS_ERROR   = -1,
  TS_SUCCESS = 0,
} TSReturnCode;

/* The pointer that stands for an error in older sources. No call gives it: sources that test for it find that all is well. */
#ifdef __cplusplus
struct TSErrorPtr {
  template <typename T>
  operator T *() const
  {
    return reinterpret_cast<T *>(static_cast<intptr_t>(-1));
  }

  template <typename T>
  friend bool
  operator==(T *pointer, TSErrorPtr error)
  {
    return pointer == static_cast<T *>(error);
  }

  template <typename T>
  friend bool
  operator!=(T *pointer, TSErrorPtr error)
  {
    return !(pointer == error);
  }

  template <typename T>
  friend bool
  operator==(TSErrorPtr error, T *pointer)
  {
    return pointer == error;
  }

  template <typename T>
  friend bool
  operator!=(TSErrorPtr error, T *pointer)
  {
    return !(pointer == error);
  }
};
constexpr TSErrorPtr TS_ERROR_PTR{};
#else
#define TS_ERROR_PTR ((void *)-1)
#endif

/** What parsing came to. */
typedef enum TSParseResult {
  TS_PARSE_ERROR = -1,
  TS_PARSE_DONE  = 0,
  TS_PARSE_CONT  = 1,
} TSParseResult;

/* ---- Handles ----
 *
 * A handle looks like a pointer and cannot be followed. Null, stale, of another kind: whoever passes such a one on ends the
 * process, with one line that says so.
 */

typedef struct tsapi_cont *TSCont;
typedef struct tsapi_cont *TSVConn;
typedef struct tsapi_mutex *TSMutex;
typedef struct tsapi_action *TSAction;
typedef struct tsapi_thread *TSThread;
typedef struct tsapi_event_thread *TSEventThread;
typedef struct tsapi_httptxn *TSHttpTxn;
typedef struct tsapi_httpssn *TSHttpSsn;
typedef struct tsapi_mbuffer *TSMBuffer;
typedef struct tsapi_mloc *TSMLoc;
typedef struct tsapi_iobuffer *TSIOBuffer;
typedef struct tsapi_bufferreader *TSIOBufferReader;
typedef struct tsapi_bufferblock *TSIOBufferBlock;
typedef struct tsapi_textlogobject *TSTextLogObject;
typedef struct tsapi_file *TSFile;
typedef struct tsapi_uuid *TSUuid;

/** No place in a marshal buffer: the parent of a header, and what a search that finds nothing gives. */
#ifdef __cplusplus
constexpr TSMLoc TS_NULL_MLOC = nullptr;
#else
#define TS_NULL_MLOC ((TSMLoc)0)
#endif

/* ---- Time ----
 *
 * Nanoseconds where a time is told, milliseconds where something is scheduled: each call says which.
 */

typedef int64_t TSHRTime;

#ifdef __cplusplus
constexpr TSHRTime TS_HRTIME_NSECOND = 1;
constexpr TSHRTime TS_HRTIME_USECOND = 1000 * TS_HRTIME_NSECOND;
constexpr TSHRTime TS_HRTIME_MSECOND = 1000 * TS_HRTIME_USECOND;
constexpr TSHRTime TS_HRTIME_SECOND  = 1000 * TS_HRTIME_MSECOND;

constexpr TSHRTime
TS_HRTIME_SECONDS(TSHRTime count)
{
  return count * TS_HRTIME_SECOND;
}
constexpr TSHRTime
TS_HRTIME_MSECONDS(TSHRTime count)
{
  return count * TS_HRTIME_MSECOND;
}
constexpr TSHRTime
TS_HRTIME_USECONDS(TSHRTime count)
{
  return count * TS_HRTIME_USECOND;
}
constexpr TSHRTime
TS_HRTIME_NSECONDS(TSHRTime count)
{
  return count * TS_HRTIME_NSECOND;
}
#else
#define TS_HRTIME_NSECOND         ((TSHRTime)1)
#define TS_HRTIME_USECOND         ((TSHRTime)1000)
#define TS_HRTIME_MSECOND         ((TSHRTime)1000000)
#define TS_HRTIME_SECOND          ((TSHRTime)1000000000)
#define TS_HRTIME_SECONDS(count)  ((TSHRTime)(count)*TS_HRTIME_SECOND)
#define TS_HRTIME_MSECONDS(count) ((TSHRTime)(count)*TS_HRTIME_MSECOND)
#define TS_HRTIME_USECONDS(count) ((TSHRTime)(count)*TS_HRTIME_USECOND)
#define TS_HRTIME_NSECONDS(count) ((TSHRTime)(count)*TS_HRTIME_NSECOND)
#endif

/* ---- Threads ---- */

/** Groups of event threads. */
typedef enum TSThreadPool {
  TS_THREAD_POOL_DEFAULT = -1, /**< In older sources: TSContSchedule(), as without a pool. No pool. */
  TS_THREAD_POOL_NET,  /**< Transactions run here: never block. */
  TS_THREAD_POOL_TASK, /**< Work that takes long or blocks. */
  TS_THREAD_POOL_DNS,  /**< Name lookups. Not for plugins. */
  TS_THREAD_POOL_UDP,  /**< Datagrams. Not for plugins. */
} TSThreadPool;

/** What a plugin's own thread runs. */
typedef void *(*TSThreadFunc)(void *data);

/* ---- Events ---- */

/**
 * Why a handler is called. Plugins that call their continuations themselves may have numbers of their own.
 *
 * Here stand all numbers, so that none is taken twice; which of them are sent is told with the calls and hooks that exist.
 */
typedef enum TSEvent TS_OPEN_ENUM {
  TS_EVENT_NONE      = 0,
  TS_EVENT_IMMEDIATE = 1, /**< Scheduled without a delay. */
  TS_EVENT_TIMEOUT   = 2, /**< Scheduled for later, or periodically. */
  TS_EVENT_ERROR     = 3,
  TS_EVENT_CONTINUE  = 4,

  TS_EVENT_VCONN_READ_READY         = 100,
  TS_EVENT_VCONN_WRITE_READY        = 101,
  TS_EVENT_VCONN_READ_COMPLETE      = 102,
  TS_EVENT_VCONN_WRITE_COMPLETE     = 103,
  TS_EVENT_VCONN_EOS                = 104,
  TS_EVENT_VCONN_INACTIVITY_TIMEOUT = 105,
  TS_EVENT_VCONN_ACTIVE_TIMEOUT     = 106,
  TS_EVENT_VCONN_START              = 107,
  TS_EVENT_VCONN_PRE_ACCEPT         = TS_EVENT_VCONN_START,
  TS_EVENT_VCONN_CLOSE              = 108,
  TS_EVENT_VCONN_OUTBOUND_START     = 109,
  TS_EVENT_VCONN_OUTBOUND_CLOSE     = 110,

  TS_EVENT_NET_CONNECT        = 200,
  TS_EVENT_NET_CONNECT_FAILED = 201,
  TS_EVENT_NET_ACCEPT         = 202,
  TS_EVENT_NET_ACCEPT_FAILED  = 204,

  TS_EVENT_HOST_LOOKUP = 500,

  TS_EVENT_CACHE_OPEN_READ              = 1102,
  TS_EVENT_CACHE_OPEN_READ_FAILED       = 1103,
  TS_EVENT_CACHE_OPEN_WRITE             = 1108,
  TS_EVENT_CACHE_OPEN_WRITE_FAILED      = 1109,
  TS_EVENT_CACHE_REMOVE                 = 1112,
  TS_EVENT_CACHE_REMOVE_FAILED          = 1113,
  TS_EVENT_CACHE_SCAN                   = 1120,
  TS_EVENT_CACHE_SCAN_FAILED            = 1121,
  TS_EVENT_CACHE_SCAN_OBJECT            = 1122,
  TS_EVENT_CACHE_SCAN_OPERATION_BLOCKED = 1123,
  TS_EVENT_CACHE_SCAN_OPERATION_FAILED  = 1124,
  TS_EVENT_CACHE_SCAN_DONE              = 1125,
  TS_EVENT_CACHE_LOOKUP                 = 1126,
  TS_EVENT_CACHE_READ                   = 1127,
  TS_EVENT_CACHE_DELETE                 = 1128,
  TS_EVENT_CACHE_WRITE                  = 1129,
  TS_EVENT_CACHE_WRITE_HEADER           = 1130,
  TS_EVENT_CACHE_CLOSE                  = 1131,
  TS_EVENT_CACHE_LOOKUP_READY           = 1132,
  TS_EVENT_CACHE_LOOKUP_COMPLETE        = 1133,
  TS_EVENT_CACHE_READ_READY             = 1134,
  TS_EVENT_CACHE_READ_COMPLETE          = 1135,

  TS_EVENT_INTERNAL_1200 = 1200,

  TS_EVENT_SSL_SESSION_GET    = 2000,
  TS_EVENT_SSL_SESSION_NEW    = 2001,
  TS_EVENT_SSL_SESSION_REMOVE = 2002,

  TS_EVENT_AIO_DONE = 3900,

  /* How a session or a transaction goes on. */
  TS_EVENT_HTTP_CONTINUE = 60000,
  TS_EVENT_HTTP_ERROR    = 60001,

  /* Hooks: 60002 and the number of the hook. */
  TS_EVENT_HTTP_READ_REQUEST_HDR             = 60002,
  TS_EVENT_HTTP_OS_DNS                       = 60003,
  TS_EVENT_HTTP_SEND_REQUEST_HDR             = 60004,
  TS_EVENT_HTTP_READ_CACHE_HDR               = 60005,
  TS_EVENT_HTTP_READ_RESPONSE_HDR            = 60006,
  TS_EVENT_HTTP_SEND_RESPONSE_HDR            = 60007,
  TS_EVENT_HTTP_REQUEST_TRANSFORM            = 60008,
  TS_EVENT_HTTP_RESPONSE_TRANSFORM           = 60009,
  TS_EVENT_HTTP_SELECT_ALT                   = 60010,
  TS_EVENT_HTTP_TXN_START                    = 60011,
  TS_EVENT_HTTP_TXN_CLOSE                    = 60012,
  TS_EVENT_HTTP_SSN_START                    = 60013,
  TS_EVENT_HTTP_SSN_CLOSE                    = 60014,
  TS_EVENT_HTTP_CACHE_LOOKUP_COMPLETE        = 60015,
  TS_EVENT_HTTP_PRE_REMAP                    = 60016,
  TS_EVENT_HTTP_READ_REQUEST_PRE_REMAP       = TS_EVENT_HTTP_PRE_REMAP,
  TS_EVENT_HTTP_POST_REMAP                   = 60017,
  TS_EVENT_HTTP_REQUEST_BUFFER_READ_COMPLETE = 60018,
  TS_EVENT_HTTP_RESPONSE_CLIENT              = 60019,
  TS_EVENT_HTTP_REQUEST_CLIENT               = 60020,
  TS_EVENT_HTTP_TUNNEL_START                 = 60021,

  /* The life of the process. */
  TS_EVENT_LIFECYCLE_PORTS_INITIALIZED          = 60100,
  TS_EVENT_LIFECYCLE_PORTS_READY                = 60101,
  TS_EVENT_LIFECYCLE_CACHE_READY                = 60102,
  TS_EVENT_LIFECYCLE_SERVER_SSL_CTX_INITIALIZED = 60103,
  TS_EVENT_LIFECYCLE_CLIENT_SSL_CTX_INITIALIZED = 60104,
  TS_EVENT_LIFECYCLE_MSG                        = 60105,
  TS_EVENT_LIFECYCLE_TASK_THREADS_READY         = 60106,
  TS_EVENT_LIFECYCLE_SHUTDOWN                   = 60107,
  TS_EVENT_LIFECYCLE_LOG_INITIALIZED            = 60108,
  TS_EVENT_LIFECYCLE_LOG_INITIAZLIED            = TS_EVENT_LIFECYCLE_LOG_INITIALIZED, /**< As sources write it. */

  TS_EVENT_INTERNAL_60200    = 60200,
  TS_EVENT_INTERNAL_60201    = 60201,
  TS_EVENT_INTERNAL_60202    = 60202,
  TS_EVENT_SSL_CERT          = 60203,
  TS_EVENT_SSL_SERVERNAME    = 60204,
  TS_EVENT_SSL_VERIFY_SERVER = 60205,
  TS_EVENT_SSL_VERIFY_CLIENT = 60206,
  TS_EVENT_SSL_CLIENT_HELLO  = 60207,
  TS_EVENT_SSL_SECRET        = 60208,

  TS_EVENT_MGMT_UPDATE = 60300,
} TSEvent;

/**
 * A plugin's handler: which continuation, why, and what it is about. Whoever calls TSContCall() gets what it returns; for
 * everything else it means nothing.
 */
typedef int (*TSEventFunc)(TSCont contp, TSEvent event, void *edata);

/* ---- Hooks ---- */

/** The places in the life of a session or a transaction where plugins are called; see TSHttpHookAdd(). */
typedef enum TSHttpHookID {
  TS_HTTP_READ_REQUEST_HDR_HOOK             = 0,  /**< The request's header is there. */
  TS_HTTP_OS_DNS_HOOK                       = 1,  /**< The origin is about to be looked up and connected to. */
  TS_HTTP_SEND_REQUEST_HDR_HOOK             = 2,  /**< Before the header goes to the origin; for each attempt. */
  TS_HTTP_READ_CACHE_HDR_HOOK               = 3,  /**< There is no cache here: never called. */
  TS_HTTP_READ_RESPONSE_HDR_HOOK            = 4,  /**< The header of the origin's response is there. */
  TS_HTTP_SEND_RESPONSE_HDR_HOOK            = 5,  /**< Before the header goes to the client, errors of our own too. */
  TS_HTTP_REQUEST_TRANSFORM_HOOK            = 6,  /**< For transformations, which do not exist here. */
  TS_HTTP_RESPONSE_TRANSFORM_HOOK           = 7,  /**< For transformations, which do not exist here. */
  TS_HTTP_SELECT_ALT_HOOK                   = 8,  /**< There is no cache here: never called. */
  TS_HTTP_TXN_START_HOOK                    = 9,  /**< A transaction begins. */
  TS_HTTP_TXN_CLOSE_HOOK                    = 10, /**< A transaction ends: exactly once, whatever became of it. */
  TS_HTTP_SSN_START_HOOK                    = 11, /**< A client's session begins. */
  TS_HTTP_SSN_CLOSE_HOOK                    = 12, /**< A client's session ends, after its last transaction. */
  TS_HTTP_CACHE_LOOKUP_COMPLETE_HOOK        = 13, /**< There is no cache here: never called. */
  TS_HTTP_PRE_REMAP_HOOK                    = 14, /**< Before the request's URL is mapped. */
  TS_HTTP_POST_REMAP_HOOK                   = 15, /**< After the request's URL was mapped. */
  TS_HTTP_REQUEST_BUFFER_READ_COMPLETE_HOOK = 16, /**< The whole body of a request that is kept back is there. */
  TS_HTTP_RESPONSE_CLIENT_HOOK              = 17, /**< For transformations, which do not exist here. */
  TS_HTTP_REQUEST_CLIENT_HOOK               = 18, /**< For transformations, which do not exist here. */
  TS_HTTP_TUNNEL_START_HOOK                 = 19, /**< A blind tunnel begins. */

  /* Of connections and TLS, which are not plugins' here: never called. */
  TS_SSL_FIRST_HOOK            = 20,
  TS_VCONN_START_HOOK          = TS_SSL_FIRST_HOOK,
  TS_VCONN_PRE_ACCEPT_HOOK     = TS_VCONN_START_HOOK,
  TS_VCONN_CLOSE_HOOK          = 21,
  TS_SSL_CLIENT_HELLO_HOOK     = 22,
  TS_SSL_SNI_HOOK              = 23,
  TS_SSL_CERT_HOOK             = TS_SSL_SNI_HOOK,
  TS_SSL_SERVERNAME_HOOK       = 24,
  TS_SSL_SERVER_VERIFY_HOOK    = 25,
  TS_SSL_VERIFY_SERVER_HOOK    = TS_SSL_SERVER_VERIFY_HOOK,
  TS_SSL_VERIFY_CLIENT_HOOK    = 26,
  TS_SSL_SESSION_HOOK          = 27,
  TS_VCONN_OUTBOUND_START_HOOK = 28,
  TS_VCONN_OUTBOUND_CLOSE_HOOK = 29,
  TS_SSL_LAST_HOOK             = TS_VCONN_OUTBOUND_CLOSE_HOOK,

  TS_HTTP_LAST_HOOK = 30, /**< How many there are; not a hook. */
} TSHttpHookID;

/** The moments in the life of the process when plugins are called; see TSLifecycleHookAdd(). */
typedef enum TSLifecycleHookID {
  TS_LIFECYCLE_PORTS_INITIALIZED_HOOK          = 0, /**< Once, before the ports listen. */
  TS_LIFECYCLE_PORTS_READY_HOOK                = 1, /**< Once, when the ports listen. */
  TS_LIFECYCLE_CACHE_READY_HOOK                = 2, /**< There is no cache here: never called. */
  TS_LIFECYCLE_SERVER_SSL_CTX_INITIALIZED_HOOK = 3, /**< Never called: TLS is not plugins' here. */
  TS_LIFECYCLE_CLIENT_SSL_CTX_INITIALIZED_HOOK = 4, /**< Never called: TLS is not plugins' here. */
  TS_LIFECYCLE_MSG_HOOK                        = 5, /**< For each message from outside; the data is a TSPluginMsg. */
  TS_LIFECYCLE_TASK_THREADS_READY_HOOK         = 6, /**< Once, when the last task thread runs. */
  TS_LIFECYCLE_SHUTDOWN_HOOK                   = 7, /**< Once, when the process is asked to end. */
  TS_LIFECYCLE_SSL_SECRET_HOOK                 = 8, /**< Never called: TLS is not plugins' here. */
  TS_LIFECYCLE_LOG_INITIALIZED_HOOK            = 9, /**< Once, after the last plugin was initialised. */
  TS_LIFECYCLE_LOG_INITIAZLIED_HOOK            = TS_LIFECYCLE_LOG_INITIALIZED_HOOK, /**< As sources write it. */
  TS_LIFECYCLE_LAST_HOOK                       = 10, /**< How many there are; not a hook. */
} TSLifecycleHookID;

/** What the handler of TS_LIFECYCLE_MSG_HOOK is given. It stays as it is until the handler returns. */
typedef struct TSPluginMsg {
  const char *tag;       /**< Whom it is for, ended by a NUL. */
  const void *data;      /**< Bytes, not ended by anything. */
  size_t      data_size; /**< So many of them. */
} TSPluginMsg;

/* ---- Plugins ---- */

/** Who a plugin is; see TSPluginRegister(). Any of it may be null. */
typedef struct TSPluginRegistrationInfo {
  const char *plugin_name;
  const char *vendor_name;
  const char *support_email;
} TSPluginRegistrationInfo;

/* ---- Transactions ---- */

/** How the connection to the origin fares. */
typedef enum TSServerState {
  TS_SRVSTATE_STATE_UNDEFINED = 0,
  TS_SRVSTATE_ACTIVE_TIMEOUT,
  TS_SRVSTATE_BAD_INCOMING_RESPONSE,
  TS_SRVSTATE_CONNECTION_ALIVE,
  TS_SRVSTATE_CONNECTION_CLOSED,
  TS_SRVSTATE_CONNECTION_ERROR,
  TS_SRVSTATE_INACTIVE_TIMEOUT,
  TS_SRVSTATE_OPEN_RAW_ERROR,
  TS_SRVSTATE_PARSE_ERROR,
  TS_SRVSTATE_TRANSACTION_COMPLETE,
  TS_SRVSTATE_PARENT_RETRY,
  TS_SRVSTATE_OUTBOUND_CONGESTION,
} TSServerState;

/** What a transaction is. */
typedef enum TSTxnType {
  TS_TXN_TYPE_UNKNOWN,
  TS_TXN_TYPE_HTTP,            /**< A request and its response. */
  TS_TXN_TYPE_EXPLICIT_TUNNEL, /**< A tunnel that a client asked for. */
  TS_TXN_TYPE_TR_PASS_TUNNEL,  /**< There are none here. */
} TSTxnType;

/** Switches of a transaction; see TSHttpTxnCntlSet(). They have the original's numbers; those between are of what is not here. */
typedef enum TSHttpCntlType {
  TS_HTTP_CNTL_LOGGING_MODE   = 0, /**< Access logs are told of it. On unless it is said. */
  TS_HTTP_CNTL_TXN_DEBUG      = 5, /**< As TSHttpTxnDebugSet(). */
  TS_HTTP_CNTL_SKIP_REMAPPING = 6, /**< It goes where the client says, and no rule is asked. */
} TSHttpCntlType;

/** What TSHttpSsnInfoIntGet() tells. */
typedef enum TSHttpSsnInfoKey {
  TS_SSN_INFO_TRANSACTION_COUNT, /**< How many transactions it has begun. */
} TSHttpSsnInfoKey;

/** Moments of a transaction that TSHttpTxnMilestoneGet() tells. */
typedef enum TSMilestonesType {
  TS_MILESTONE_NULL = -1,
  TS_MILESTONE_UA_BEGIN,
  TS_MILESTONE_UA_FIRST_READ,
  TS_MILESTONE_UA_READ_HEADER_DONE,
  TS_MILESTONE_UA_BEGIN_WRITE,
  TS_MILESTONE_UA_CLOSE,
  TS_MILESTONE_SERVER_FIRST_CONNECT,
  TS_MILESTONE_SERVER_CONNECT,
  TS_MILESTONE_SERVER_CONNECT_END,
  TS_MILESTONE_SERVER_BEGIN_WRITE,
  TS_MILESTONE_SERVER_FIRST_READ,
  TS_MILESTONE_SERVER_READ_HEADER_DONE,
  TS_MILESTONE_SERVER_CLOSE,
  TS_MILESTONE_CACHE_OPEN_READ_BEGIN,
  TS_MILESTONE_CACHE_OPEN_READ_END,
  TS_MILESTONE_CACHE_OPEN_WRITE_BEGIN,
  TS_MILESTONE_CACHE_OPEN_WRITE_END,
  TS_MILESTONE_DNS_LOOKUP_BEGIN,
  TS_MILESTONE_DNS_LOOKUP_END,
  TS_MILESTONE_SM_START,
  TS_MILESTONE_SM_FINISH,
  TS_MILESTONE_PLUGIN_ACTIVE,
  TS_MILESTONE_PLUGIN_TOTAL,
  TS_MILESTONE_TLS_HANDSHAKE_START,
  TS_MILESTONE_TLS_HANDSHAKE_END,
  TS_MILESTONE_LAST_ENTRY,
} TSMilestonesType;

/** Settings that a transaction may have of its own, all of them whole numbers; see TSHttpTxnConfigIntSet(). Those that are here
 * have the numbers that they have in the original's version 11, so that what keeps or prints them means the same; the numbers
 * between are of settings that are not here. */
typedef enum TSOverridableConfigKey {
  TS_CONFIG_NULL                                     = -1,
  TS_CONFIG_HTTP_KEEP_ALIVE_ENABLED_IN               = 5,   /**< One: the client's connection is kept after the response. */
  TS_CONFIG_HTTP_KEEP_ALIVE_ENABLED_OUT              = 6,   /**< One: the origin's connection is kept after the response. */
  TS_CONFIG_HTTP_KEEP_ALIVE_NO_ACTIVITY_TIMEOUT_IN   = 38,  /**< The client's connection, after the response. */
  TS_CONFIG_HTTP_KEEP_ALIVE_NO_ACTIVITY_TIMEOUT_OUT  = 39,  /**< The origin's connection, after the response. */
  TS_CONFIG_HTTP_TRANSACTION_NO_ACTIVITY_TIMEOUT_IN  = 40,  /**< The client, without taking anything. */
  TS_CONFIG_HTTP_TRANSACTION_NO_ACTIVITY_TIMEOUT_OUT = 41,  /**< The origin, before its response and within it. */
  TS_CONFIG_HTTP_TRANSACTION_ACTIVE_TIMEOUT_OUT      = 42,  /**< From the connection to the origin to the response's end. */
  TS_CONFIG_HTTP_CONNECT_ATTEMPTS_TIMEOUT            = 46,  /**< A connection to the origin. */
  TS_CONFIG_HTTP_TRANSACTION_ACTIVE_TIMEOUT_IN       = 88,  /**< The whole transaction, from its start. */
  TS_CONFIG_HTTP_REQUEST_BUFFER_ENABLED              = 105, /**< One: the request's body is read as a whole. */
  TS_CONFIG_LAST_ENTRY,                                     /**< Above all of them; not a setting. */
} TSOverridableConfigKey;

/* ---- User arguments ---- */

/** What an argument of a plugin's hangs on; see TSUserArgIndexReserve(). */
typedef enum TSUserArgType {
  TS_USER_ARGS_TXN,   /**< A transaction. */
  TS_USER_ARGS_SSN,   /**< A session. */
  TS_USER_ARGS_VCONN, /**< A connection. */
  TS_USER_ARGS_GLB,   /**< Nothing: one for the process. */
  TS_USER_ARGS_COUNT, /**< How many there are. */
} TSUserArgType;

/* ---- Configuration ---- */

typedef int64_t TSMgmtInt;
typedef int64_t TSMgmtCounter;
typedef float   TSMgmtFloat;
typedef char   *TSMgmtString;

/** The type of a record. */
typedef enum TSRecordDataType {
  TS_RECORDDATATYPE_NULL = 0,
  TS_RECORDDATATYPE_INT,
  TS_RECORDDATATYPE_FLOAT,
  TS_RECORDDATATYPE_STRING,
  TS_RECORDDATATYPE_COUNTER,
  TS_RECORDDATATYPE_STAT_CONST,
  TS_RECORDDATATYPE_STAT_FX,
  TS_RECORDDATATYPE_MAX,
} TSRecordDataType;

/** Room for the value of a record, for plugins that keep values of several types. */
typedef union TSRecordData {
  TSMgmtInt     rec_int;
  TSMgmtFloat   rec_float;
  TSMgmtString  rec_string;
  TSMgmtCounter rec_counter;
} TSRecordData;

/** Where the value of a record comes from. */
typedef enum TSMgmtSource {
  TS_MGMT_SOURCE_NULL,     /**< Nowhere: there is none. */
  TS_MGMT_SOURCE_DEFAULT,  /**< The host's own. */
  TS_MGMT_SOURCE_PLUGIN,   /**< A plugin's. */
  TS_MGMT_SOURCE_EXPLICIT, /**< The configuration's. */
  TS_MGMT_SOURCE_ENV,      /**< The environment's. */
} TSMgmtSource;

/* ---- Statistics ---- */

typedef enum TSStatPersistence {
  TS_STAT_PERSISTENT = 1,
  TS_STAT_NON_PERSISTENT,
} TSStatPersistence;

typedef enum TSStatSync {
  TS_STAT_SYNC_SUM = 0,
  TS_STAT_SYNC_COUNT,
  TS_STAT_SYNC_AVG,
  TS_STAT_SYNC_TIMEAVG,
} TSStatSync;

/* ---- Text logs ---- */

/** How a text log is written; flags. */
enum {
  TS_LOG_MODE_ADD_TIMESTAMP = 1, /**< Each line begins with the time. */
  TS_LOG_MODE_DO_NOT_RENAME = 2, /**< If the name is taken there is no log, rather than one of another name. */
  TS_LOG_MODE_INVALID_FLAG  = 4, /**< From here on there are no flags. */
};

/* ---- UUIDs ---- */

/** Versions of UUIDs. The fourth alone can be made. */
typedef enum TSUuidVersion {
  TS_UUID_UNDEFINED = 0,
  TS_UUID_V1        = 1,
  TS_UUID_V2,
  TS_UUID_V3,
  TS_UUID_V4,
  TS_UUID_V5,
} TSUuidVersion;

/* Characters, without the NUL: of a UUID, and of a UUID followed by a hyphen and a 64-bit number. */
#ifdef __cplusplus
constexpr int TS_UUID_STRING_LEN   = 36;
constexpr int TS_CRUUID_STRING_LEN = TS_UUID_STRING_LEN + 19 + 1;
#else
#define TS_UUID_STRING_LEN   36
#define TS_CRUUID_STRING_LEN (TS_UUID_STRING_LEN + 19 + 1)
#endif

/* ---- Buffers ---- */

/** Sizes of an IO buffer's blocks. */
typedef enum TSIOBufferSizeIndex {
  TS_IOBUFFER_SIZE_INDEX_128  = 0,
  TS_IOBUFFER_SIZE_INDEX_256  = 1,
  TS_IOBUFFER_SIZE_INDEX_512  = 2,
  TS_IOBUFFER_SIZE_INDEX_1K   = 3,
  TS_IOBUFFER_SIZE_INDEX_2K   = 4,
  TS_IOBUFFER_SIZE_INDEX_4K   = 5,
  TS_IOBUFFER_SIZE_INDEX_8K   = 6,
  TS_IOBUFFER_SIZE_INDEX_16K  = 7,
  TS_IOBUFFER_SIZE_INDEX_32K  = 8,
  TS_IOBUFFER_SIZE_INDEX_64K  = 9,
  TS_IOBUFFER_SIZE_INDEX_128K = 10,
  TS_IOBUFFER_SIZE_INDEX_256K = 11,
  TS_IOBUFFER_SIZE_INDEX_512K = 12,
  TS_IOBUFFER_SIZE_INDEX_1M   = 13,
  TS_IOBUFFER_SIZE_INDEX_2M   = 14,
} TSIOBufferSizeIndex;

/* ---- HTTP messages ---- */

/** What a header is. It is set once. */
typedef enum TSHttpType {
  TS_HTTP_TYPE_UNKNOWN,
  TS_HTTP_TYPE_REQUEST,
  TS_HTTP_TYPE_RESPONSE,
} TSHttpType;

/* A version as one number: the major part in the upper, the minor part in the lower 16 bits. */
#ifdef __cplusplus
constexpr long
TS_HTTP_VERSION(int major, int minor)
{
  return (static_cast<long>(major & 0xFFFF) << 16) | (minor & 0xFFFF);
}
constexpr int
TS_HTTP_MAJOR(long version)
{
  return static_cast<int>((version >> 16) & 0xFFFF);
}
constexpr int
TS_HTTP_MINOR(long version)
{
  return static_cast<int>(version & 0xFFFF);
}
#else
#define TS_HTTP_VERSION(major, minor) (((long)((major)&0xFFFF) << 16) | ((minor)&0xFFFF))
#define TS_HTTP_MAJOR(version)        ((int)(((version) >> 16) & 0xFFFF))
#define TS_HTTP_MINOR(version)        ((int)((version)&0xFFFF))
#endif

/** The status of a response. Others than these may be set too. */
typedef enum TSHttpStatus TS_OPEN_ENUM {
  TS_HTTP_STATUS_NONE = 0,

  TS_HTTP_STATUS_CONTINUE           = 100,
  TS_HTTP_STATUS_SWITCHING_PROTOCOL = 101,
  TS_HTTP_STATUS_EARLY_HINTS        = 103,

  TS_HTTP_STATUS_OK                            = 200,
  TS_HTTP_STATUS_CREATED                       = 201,
  TS_HTTP_STATUS_ACCEPTED                      = 202,
  TS_HTTP_STATUS_NON_AUTHORITATIVE_INFORMATION = 203,
  TS_HTTP_STATUS_NO_CONTENT                    = 204,
  TS_HTTP_STATUS_RESET_CONTENT                 = 205,
  TS_HTTP_STATUS_PARTIAL_CONTENT               = 206,
  TS_HTTP_STATUS_MULTI_STATUS                  = 207,
  TS_HTTP_STATUS_ALREADY_REPORTED              = 208,
  TS_HTTP_STATUS_IM_USED                       = 211,

  TS_HTTP_STATUS_MULTIPLE_CHOICES   = 300,
  TS_HTTP_STATUS_MOVED_PERMANENTLY  = 301,
  TS_HTTP_STATUS_MOVED_TEMPORARILY  = 302,
  TS_HTTP_STATUS_SEE_OTHER          = 303,
  TS_HTTP_STATUS_NOT_MODIFIED       = 304,
  TS_HTTP_STATUS_USE_PROXY          = 305,
  TS_HTTP_STATUS_TEMPORARY_REDIRECT = 307,
  TS_HTTP_STATUS_PERMANENT_REDIRECT = 308,

  TS_HTTP_STATUS_BAD_REQUEST                     = 400,
  TS_HTTP_STATUS_UNAUTHORIZED                    = 401,
  TS_HTTP_STATUS_PAYMENT_REQUIRED                = 402,
  TS_HTTP_STATUS_FORBIDDEN                       = 403,
  TS_HTTP_STATUS_NOT_FOUND                       = 404,
  TS_HTTP_STATUS_METHOD_NOT_ALLOWED              = 405,
  TS_HTTP_STATUS_NOT_ACCEPTABLE                  = 406,
  TS_HTTP_STATUS_PROXY_AUTHENTICATION_REQUIRED   = 407,
  TS_HTTP_STATUS_REQUEST_TIMEOUT                 = 408,
  TS_HTTP_STATUS_CONFLICT                        = 409,
  TS_HTTP_STATUS_GONE                            = 410,
  TS_HTTP_STATUS_LENGTH_REQUIRED                 = 411,
  TS_HTTP_STATUS_PRECONDITION_FAILED             = 412,
  TS_HTTP_STATUS_REQUEST_ENTITY_TOO_LARGE        = 413,
  TS_HTTP_STATUS_REQUEST_URI_TOO_LONG            = 414,
  TS_HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE          = 415,
  TS_HTTP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE = 416,
  TS_HTTP_STATUS_EXPECTATION_FAILED              = 417,
  TS_HTTP_STATUS_UNPROCESSABLE_ENTITY            = 422,
  TS_HTTP_STATUS_LOCKED                          = 423,
  TS_HTTP_STATUS_FAILED_DEPENDENCY               = 424,
  TS_HTTP_STATUS_UPGRADE_REQUIRED                = 426,
  TS_HTTP_STATUS_PRECONDITION_REQUIRED           = 428,
  TS_HTTP_STATUS_TOO_MANY_REQUESTS               = 429,
  TS_HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE = 431,
  TS_HTTP_STATUS_UNAVAILABLE_FOR_LEGAL_REASONS   = 451,

  TS_HTTP_STATUS_INTERNAL_SERVER_ERROR           = 500,
  TS_HTTP_STATUS_NOT_IMPLEMENTED                 = 501,
  TS_HTTP_STATUS_BAD_GATEWAY                     = 502,
  TS_HTTP_STATUS_SERVICE_UNAVAILABLE             = 503,
  TS_HTTP_STATUS_GATEWAY_TIMEOUT                 = 504,
  TS_HTTP_STATUS_HTTPVER_NOT_SUPPORTED           = 505,
  TS_HTTP_STATUS_VARIANT_ALSO_NEGOTIATES         = 506,
  TS_HTTP_STATUS_INSUFFICIENT_STORAGE            = 507,
  TS_HTTP_STATUS_LOOP_DETECTED                   = 508,
  TS_HTTP_STATUS_NOT_EXTENDED                    = 510,
  TS_HTTP_STATUS_NETWORK_AUTHENTICATION_REQUIRED = 511,
} TSHttpStatus;

#include <ts/parts/names.h>

#endif
