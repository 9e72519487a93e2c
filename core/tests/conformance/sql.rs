//! The same on the storages in databases.

use gsession::conformance::Suite;

use crate::support::sql;

gsession::conformance_tests! {
    sqlite: Suite::asynchronous(sql::sqlites());
    postgres: Suite::asynchronous(sql::postgres);
}
