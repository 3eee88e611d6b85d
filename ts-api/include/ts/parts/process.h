/* The plugin itself, the process it is in, and what it keeps there. Part of <ts/ts.h>. */

#ifndef TS_PARTS_PROCESS_H
#define TS_PARTS_PROCESS_H

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The plugin ---- */

/**
 * What every plugin defines: the host calls it once, after loading it, on the main thread. `argv[0]` is the plugin as the
 * configuration names it, what follows are the words after it. It must call TSPluginRegister().
 */
TS_ENTRY void TSPluginInit(int argc, const char *argv[]);

/** Says who the plugin is. In TSPluginInit(); later TS_ERROR. The texts are copied. Faults: null. */
TSReturnCode TSPluginRegister(const TSPluginRegistrationInfo *plugin_info);

/**
 * Says whether the plugin, where it also maps URLs, may be loaded anew. In TSPluginInit(); later TS_ERROR. This host never loads a
 * library anew, so what is said is kept nowhere.
 */
TSReturnCode TSPluginDSOReloadEnable(int enabled);

/* ---- The host. Texts are the host's and stay ---- */

/** The host's version, as in "11.0.0". On any thread. */
const char *TSTrafficServerVersionGet(void);
int         TSTrafficServerVersionGetMajor(void);
int         TSTrafficServerVersionGetMinor(void);
int         TSTrafficServerVersionGetPatch(void);

/** Where the host is installed. On any thread. */
const char *TSInstallDirGet(void);

/** Where its configuration is. On any thread. */
const char *TSConfigDirGet(void);

/** Where it keeps what it needs while it runs. On any thread. */
const char *TSRuntimeDirGet(void);

/** Where plugins are looked for. On any thread. */
const char *TSPluginDirGet(void);

/* ---- Configuration: records ----
 *
 * On any thread. TS_ERROR: there is no such record, or it is of another type. Faults: null for the name or the result.
 */

TSReturnCode TSMgmtIntGet(const char *var_name, TSMgmtInt *result);
TSReturnCode TSMgmtCounterGet(const char *var_name, TSMgmtCounter *result);
TSReturnCode TSMgmtFloatGet(const char *var_name, TSMgmtFloat *result);
/** A text for the plugin to give to TSfree(). */
TSReturnCode TSMgmtStringGet(const char *var_name, TSMgmtString *result);
/** Where the value comes from. */
TSReturnCode TSMgmtSourceGet(const char *var_name, TSMgmtSource *source);
TSReturnCode TSMgmtDataTypeGet(const char *var_name, TSRecordDataType *result);

/**
 * Calls the continuation with TS_EVENT_MGMT_UPDATE, on a task thread and under its mutex, whenever the configuration has been
 * read again; with a file, only if that file is another than before. A name without a folder is below TSConfigDirGet(). A
 * continuation that is destroyed is forgotten. Faults: null for the plugin's name.
 */
#ifdef __cplusplus
void TSMgmtUpdateRegister(TSCont contp, const char *plugin_name, const char *plugin_file_name = nullptr);
#else
void TSMgmtUpdateRegister(TSCont contp, const char *plugin_name, const char *plugin_file_name);
#endif

/** Says that a file belongs to another one: if it changes, that one counts as changed. */
TSReturnCode TSMgmtConfigFileAdd(const char *parent, const char *fileName);

/* ---- The life of the process ---- */

/**
 * Calls the continuation when the process comes to this moment, in the order of addition, under the continuation's mutex.
 *
 * In TSPluginInit(). The event of a hook is named as the hook is; its data is null, but for TS_LIFECYCLE_MSG_HOOK. Nothing has
 * to be re-enabled. TS_ERROR: the moment is over. Faults: a number that is no hook.
 */
TSReturnCode TSLifecycleHookAdd(TSLifecycleHookID id, TSCont contp);

/* ---- Arguments: pointers that a plugin hangs on transactions, sessions, or the process ----
 *
 * Each plugin reserves a place of its own, in TSPluginInit(). The pointers are null at first, and never followed.
 */

/** A place, under a name; a name that is known already gives the place it has. TS_ERROR: there is none left. */
TSReturnCode TSUserArgIndexReserve(TSUserArgType type, const char *name, const char *description, int *arg_idx);

/** The place of a name, and its description, which may be left out with null. TS_ERROR: nobody reserved it. */
TSReturnCode TSUserArgIndexNameLookup(TSUserArgType type, const char *name, int *arg_idx, const char **description);

/** The name of a place, and its description, which may be left out with null. TS_ERROR: nobody reserved it. */
TSReturnCode TSUserArgIndexLookup(TSUserArgType type, int arg_idx, const char **name, const char **description);

/** Sets the pointer. `data` is a TSHttpTxn, a TSHttpSsn, or null for the process. Faults: a place of another kind, or of nobody. */
void TSUserArgSet(void *data, int arg_idx, void *arg);

/** The pointer that was set last, null before. Faults: as TSUserArgSet(). */
void *TSUserArgGet(void *data, int arg_idx);

/* ---- Statistics: numbers by name. On any thread ---- */

/**
 * Makes a number under a name, or finds it; only TS_RECORDDATATYPE_INT. One that persists begins with what it was at the end of
 * the last run. The host publishes its sum, how often it was changed, or the one divided by the other; as a time the sum is of
 * nanoseconds and published in seconds. TS_ERROR: another type; the name is empty; there is no room for more.
 */
int TSStatCreate(const char *the_name, TSRecordDataType the_type, TSStatPersistence persist, TSStatSync sync);

/** The number of a name; null for `idp` only asks whether there is one. TS_ERROR: there is none. */
TSReturnCode TSStatFindName(const char *name, int *idp);

/* Faults of the following: a number that was not made. */
void      TSStatIntIncrement(int the_stat, TSMgmtInt amount);
void      TSStatIntDecrement(int the_stat, TSMgmtInt amount);
TSMgmtInt TSStatIntGet(int the_stat);
void      TSStatIntSet(int the_stat, TSMgmtInt value);

#ifdef __cplusplus
}
#endif

#endif
