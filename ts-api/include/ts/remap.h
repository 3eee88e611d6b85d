/* What a plugin defines that maps URLs. The host calls it by these names; see <ts/ts.h> for what it may call itself.
 *
 * TSRemapInit() and TSRemapDoRemap() must be there, and TSRemapNewInstance() if rules name the plugin with arguments.
 */

#ifndef TS_REMAP_H
#define TS_REMAP_H

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TSREMAP_VMAJOR  3
#define TSREMAP_VMINOR  0
#define TSREMAP_VERSION ((TSREMAP_VMAJOR << 16) | TSREMAP_VMINOR)

/** Which host it is. */
typedef struct _tsremap_api_info {
  unsigned long size;            /**< Bytes of this structure, as the host knows it. */
  unsigned long tsremap_version; /**< As TSREMAP_VERSION, of the host. */
} TSRemapInterface;

/** What a request is mapped with. The places are the host's: they are not released. */
typedef struct _tm_remap_request_info {
  TSMLoc    mapFromUrl;  /**< The rule's left side; it cannot be changed. */
  TSMLoc    mapToUrl;    /**< The rule's right side; it cannot be changed. */
  TSMLoc    requestUrl;  /**< The request's URL: to map is to change this one. */
  TSMBuffer requestBufp; /**< The request's header; see TSHttpTxnClientReqGet(). */
  TSMLoc    requestHdrp;
  int       redirect; /**< Set to 1 to send the client to the new URL instead of going there. */
} TSRemapRequestInfo;

/** What became of it. */
typedef enum TSRemapStatus {
  TSREMAP_ERROR          = -1, /**< It failed: as if it were not mapped. */
  TSREMAP_NO_REMAP       = 0,  /**< It is not mapped; the rule's next plugin. */
  TSREMAP_DID_REMAP      = 1,  /**< It is mapped; the rule's next plugin. */
  TSREMAP_NO_REMAP_STOP  = 2,  /**< It is not mapped, and no further plugin is asked. */
  TSREMAP_DID_REMAP_STOP = 3,  /**< It is mapped, and no further plugin is asked. */
} TSRemapStatus;

/** Once, after loading. With TS_ERROR, and why in `errbuf`, the plugin is not used. On the main thread. */
TS_ENTRY TSReturnCode TSRemapInit(TSRemapInterface *api_info, char *errbuf, int errbuf_size);

/** Once, before unloading. It may be left out. */
TS_ENTRY void TSRemapDone(void);

/**
 * For each rule that names the plugin: `argv[0]` and `argv[1]` are the rule's two URLs, what follows its arguments. What is put
 * into `ih` comes with each request of the rule. With TS_ERROR, and why in `errbuf`, the rule is not used.
 */
TS_ENTRY TSReturnCode TSRemapNewInstance(int argc, char *argv[], void **ih, char *errbuf, int errbuf_size);

/** When a rule goes. It may be left out if there is no TSRemapNewInstance(). */
TS_ENTRY void TSRemapDeleteInstance(void *ih);

/** What became of a configuration that was read again. */
typedef enum TSRemapReloadStatus {
  TSREMAP_CONFIG_RELOAD_FAILURE               = 0, /**< It had a problem, and changes nothing. */
  TSREMAP_CONFIG_RELOAD_SUCCESS_PLUGIN_USED   = 1, /**< It is in force, and a rule names the plugin. */
  TSREMAP_CONFIG_RELOAD_SUCCESS_PLUGIN_UNUSED = 2, /**< It is in force, and no rule names the plugin. */
} TSRemapReloadStatus;

/** Before the configuration is read again, and its rules get instances of their own. On the main thread. It may be left out. */
TS_ENTRY void TSRemapPreConfigReload(void);

/** When it has been read. On the main thread. It may be left out. */
TS_ENTRY void TSRemapPostConfigReload(TSRemapReloadStatus reloadStatus);

/** For each request of the rule, on the transaction's thread. It does not re-enable, and must not block. */
TS_ENTRY TSRemapStatus TSRemapDoRemap(void *ih, TSHttpTxn rh, TSRemapRequestInfo *rri);

#ifdef __cplusplus
}
#endif

#endif
