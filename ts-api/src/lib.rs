//! The facade for plugin authors: scheduling on pools, hooks, HTTP transactions.
