//! What happens over HTTP, whatever the framework: one suite for the actix middleware and for the tower layer.
//!
//! A test program includes this folder by its path, beside a module `framework` that builds an [`App`] in its framework and
//! says where it differs: `actix/tests/http` and `core/tests/http_tower`. Tests of a framework's own types stay with it.
//!
//! [`App`]: crate::support::app::App

mod access;
mod after_the_end;
mod applied_twice;
mod around_the_middleware;
mod background_logouts;
mod bearer;
mod caches;
mod client_gone;
mod cookies;
mod costs;
mod end_of_request;
mod extremes;
mod failures;
mod goframe_http;
mod header_settings;
mod ids;
mod lifetimes;
mod logins;
mod observed;
mod own_sessions;
mod realms;
mod redis;
mod remember;
mod rotation;
mod second_login;
mod several_ids;
mod shutdown;
