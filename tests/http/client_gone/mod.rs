//! What becomes of a request whose client leaves before it is answered (S9): the table in the documentation of the crate,
//! way by way. Each test lets the handler begin, then the client leave, then waits until the server has noticed.

mod http1;
mod http2;
mod scene;
