//! Whether the timers that wait make a dispatch dearer.

use ts_cont::{Continuation, ProxyMutex};

use crate::local::again_and_again;
use crate::measure::{Findings, Scale};
use crate::stage::Stage;
use crate::timers::{later, random};

pub(crate) fn scale(scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let dispatches = scale.count(2_000_000);
    let mut pending = 0;
    for (name, timers) in [
        ("scale_pending_0", 0),
        ("scale_pending_1k", scale.count(1_000)),
        ("scale_pending_1m", scale.count(1_000_000)),
    ] {
        let more = timers - pending;
        pending = timers;
        stage.on(0, move |here| {
            let never = Continuation::new(&ProxyMutex::new(), |_| {});
            let (began, mut random) = (here.now(), random());
            for _ in 0..more {
                here.schedule_at(&never, began + later(&mut random), ()).expect("the thread runs");
            }
        });
        found.each(name, again_and_again(&stage, 1, 1, dispatches), dispatches);
    }
}
