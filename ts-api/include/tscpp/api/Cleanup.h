/* Owners of handles, and data that lives as long as a transaction. In C there is nothing here. */

#ifndef TSCPP_API_CLEANUP_H
#define TSCPP_API_CLEANUP_H

#ifdef __cplusplus

#include <memory>
#include <type_traits>

#include <ts/ts.h>

namespace atscppapi
{
namespace detail
{
/* Gives back with this call. */
template <auto End>
struct Deleter {
  template <typename T>
  void
  operator()(T *handle) const
  {
    static_cast<void>(End(handle));
  }
};

template <typename Handle, typename Deleter>
using Owner = std::unique_ptr<std::remove_pointer_t<Handle>, Deleter>;
} // namespace detail

/* ---- Owners: what they hold is ended with them ---- */

using TSContDeleter = detail::Deleter<&TSContDestroy>;
using TSContUniqPtr = detail::Owner<TSCont, TSContDeleter>;

/** Not of a mutex that a continuation was made with: that one is the continuation's. */
using TSMutexDeleter = detail::Deleter<&TSMutexDestroy>;
using TSMutexUniqPtr = detail::Owner<TSMutex, TSMutexDeleter>;

using TSThreadDeleter = detail::Deleter<&TSThreadDestroy>;
using TSThreadUniqPtr = detail::Owner<TSThread, TSThreadDeleter>;

using TSMBufferDeleter = detail::Deleter<&TSMBufferDestroy>;
using TSMBufferUniqPtr = detail::Owner<TSMBuffer, TSMBufferDeleter>;

using TSIOBufferDeleter = detail::Deleter<&TSIOBufferDestroy>;
using TSIOBufferUniqPtr = detail::Owner<TSIOBuffer, TSIOBufferDeleter>;

/** It has to go before its buffer goes. */
using TSIOBufferReaderDeleter = detail::Deleter<&TSIOBufferReaderFree>;
using TSIOBufferReaderUniqPtr = detail::Owner<TSIOBufferReader, TSIOBufferReaderDeleter>;

using TSTextLogObjectDeleter = detail::Deleter<&TSTextLogObjectDestroy>;
using TSTextLogObjectUniqPtr = detail::Owner<TSTextLogObject, TSTextLogObjectDeleter>;

using TSUuidDeleter = detail::Deleter<&TSUuidDestroy>;
using TSUuidUniqPtr = detail::Owner<TSUuid, TSUuidDeleter>;

/** Memory of TSmalloc() and the like. */
using TSMemDeleter = detail::Deleter<&TSfree>;
using TSMemUniqPtr = std::unique_ptr<void, TSMemDeleter>;

/* ---- Data of a transaction ---- */

/** What TxnAuxDataMgr keeps for itself: one static variable of this type for each. */
class TxnAuxMgrData
{
  TSCont close_ = nullptr;
  int    index_ = -1;

  template <class, TxnAuxMgrData &>
  friend class TxnAuxDataMgr;
};

/**
 * One `Aux` for each transaction that asks for it, made when it does, and deleted when the transaction ends.
 *
 *     static atscppapi::TxnAuxMgrData kept;
 *     using Visits = atscppapi::TxnAuxDataMgr<Visit, kept>;
 */
template <class Aux, TxnAuxMgrData &Kept>
class TxnAuxDataMgr
{
public:
  using Data = Aux;

  /** In TSPluginInit(). The name is that of the user argument. */
  static void
  init(const char *arg_name, const char *arg_desc = "data of a transaction")
  {
    if (Kept.index_ < 0) {
      TSReleaseAssert(TSUserArgIndexReserve(TS_USER_ARGS_TXN, arg_name, arg_desc, &Kept.index_) == TS_SUCCESS);
      Kept.close_ = TSContCreate(&close, nullptr);
    }
  }

  /** The transaction's. In a handler of one of its hooks. */
  static Aux &
  data(TSHttpTxn txnp)
  {
    TSAssert(Kept.index_ >= 0);
    Aux *data = static_cast<Aux *>(TSUserArgGet(txnp, Kept.index_));
    if (data == nullptr) {
      data = new Aux;
      TSUserArgSet(txnp, Kept.index_, data);
      TSHttpTxnHookAdd(txnp, TS_HTTP_TXN_CLOSE_HOOK, Kept.close_);
    }
    return *data;
  }

private:
  static int
  close(TSCont, TSEvent, void *edata)
  {
    TSHttpTxn txnp = static_cast<TSHttpTxn>(edata);
    delete static_cast<Aux *>(TSUserArgGet(txnp, Kept.index_));
    TSUserArgSet(txnp, Kept.index_, nullptr);
    TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
    return 0;
  }
};
} // namespace atscppapi

#endif

#endif
