//! A host may know more than the plugin. (In a process of its own: the first table that is used stays.)

use ts_api::table::{self, HostTable};
use ts_api::{Cont, EventCode, Mutex};

#[test]
fn a_longer_table_of_the_same_version_is_taken() {
    let mut longer: HostTable = *table::linked();
    longer.size += 64;
    assert_eq!(table::install(Box::leak(Box::new(longer))), Ok(()));
    assert_eq!(Cont::new(&Mutex::new(), |_| 7).call(EventCode::CONTINUE), Ok(7));
}
