//! TLS to Sentinels, to the servers that they name, and to clusters: each as it is set.
#![cfg(feature = "redis-tls")]

use gsession::storage::redis::RedisTls;
use gsession_test_servers::Authority;

use super::*;

/// Both faces can be used.
fn works(build: impl Fn() -> RedisBuilder<Strings>) {
    build().build().unwrap().check().unwrap();
    for side in [Side::Blocking, Side::Waiting] {
        let face = Face::over((Form::Strings, side), build().build().unwrap());
        let id = face.login();
        assert_eq!(face.with(&id).get("n").unwrap(), Some(1), "{face:?}");
    }
}

#[track_caller]
fn fails(reason: &str, build: impl Fn() -> RedisBuilder<Strings>) {
    let error = build().build().unwrap().check().unwrap_err();
    assert!(texts(&error).contains(reason), "{}", texts(&error));
    let face = Face::over((Form::Strings, Side::Waiting), build().build().unwrap());
    let error = face.try_login().unwrap_err();
    assert!(texts(&error).contains(reason), "{}", texts(&error));
}

fn tls(authority: &Authority) -> RedisServer {
    RedisServer::builder().tls_by(authority, None).start()
}

/// A Sentinel that speaks TLS, and names the server.
fn tls_sentinel_of(server: &RedisServer, authority: &Authority) -> RedisServer {
    let monitor = format!("{SERVICE} 127.0.0.1 {} 1", server.port());
    RedisServer::builder().sentinel().tls_by(authority, None).set("sentinel monitor", &monitor).start()
}

fn by(sentinel: &RedisServer) -> RedisBuilder<Strings> {
    RedisStorage::sentinel([sentinel.url()], SERVICE)
}

const UNKNOWN: &str = "nobody that is trusted has signed";

#[test]
fn sentinels_without_tls_and_servers_with_it() {
    let authority = Authority::new();
    let server = tls(&authority);
    let sentinel = sentinel_of(&server);
    works(|| by(&sentinel).server_tls(true).root_certificate(authority.pem()));
    fails(UNKNOWN, || by(&sentinel).server_tls(true));
    assert!(by(&sentinel).build().unwrap().check().is_err(), "the server speaks TLS only");
}

#[test]
fn sentinels_with_tls_and_servers_without_it() {
    let authority = Authority::new();
    let server = RedisServer::start();
    let sentinel = tls_sentinel_of(&server, &authority);
    let trusting = || RedisTls::default().root_certificate(authority.pem());
    works(|| by(&sentinel).server_tls(false).sentinel_tls(trusting()));
    // Without settings of their own the Sentinels have those of the servers.
    works(|| by(&sentinel).server_tls(false).root_certificate(authority.pem()));
    works(|| by(&sentinel).server_tls(false).sentinel_tls(RedisTls::default().danger_accept_invalid_certificates()));
    fails(UNKNOWN, || by(&sentinel).server_tls(false));
}

#[test]
fn sentinels_and_servers_with_certificates_of_two_authorities() {
    let (theirs, others) = (Authority::new(), Authority::new());
    let server = tls(&theirs);
    let sentinel = tls_sentinel_of(&server, &others);
    let trusting = |authority: &Authority| RedisTls::default().root_certificate(authority.pem());
    works(|| by(&sentinel).root_certificate(theirs.pem()).sentinel_tls(trusting(&others)));
    fails(UNKNOWN, || by(&sentinel).root_certificate(theirs.pem()));
    fails(UNKNOWN, || by(&sentinel).root_certificate(others.pem()));
    fails(UNKNOWN, || by(&sentinel).root_certificate(others.pem()).sentinel_tls(trusting(&theirs)));
    // With one bundle of both, too.
    works(|| by(&sentinel).root_certificate(format!("{}{}", theirs.pem(), others.pem())));
}

#[test]
fn a_cluster() {
    let authority = Authority::new();
    let cluster = Cluster::start_with(|| {
        let server = RedisServer::builder().tls_by(&authority, None).set("tls-auth-clients", "yes");
        server.set("tls-cluster", "yes").set("tls-replication", "yes")
    });
    let own = authority.sign(None);
    let builder = || RedisStorage::cluster([cluster.nodes[4].url()]);
    works(|| builder().root_certificate(authority.pem()).client_certificate(&*own.certificate, &*own.key));
    works(|| builder().danger_accept_invalid_certificates().client_certificate(&*own.certificate, &*own.key));
    fails("client certificate", || builder().root_certificate(authority.pem()));
    fails(UNKNOWN, || builder().client_certificate(&*own.certificate, &*own.key));
}
