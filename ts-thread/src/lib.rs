//! OS threads with an identity, per-thread storage, a clock, and a way to sleep that ends on time.
