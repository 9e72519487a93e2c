//! Headers that already have a meaning, so the session cannot use them.

/// A group of headers, and why the session cannot use them.
struct Kind {
    names: &'static [&'static str],
    /// Further names start with one of these.
    prefixes: &'static [&'static str],
    reason: &'static str,
}

/// Why the session cannot use the header, if it cannot. `name` is in lower case.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    let is_of =
        |kind: &&Kind| kind.names.contains(&name) || kind.prefixes.iter().any(|prefix| name.starts_with(prefix));
    KINDS.iter().find(is_of).map(|kind| kind.reason)
}

/// The first group that contains a name counts.
const KINDS: &[Kind] = &[
    Kind {
        names: &["authorization"],
        prefixes: &[],
        reason: "its value starts with a scheme; bearer() reads and writes `Authorization: Bearer`",
    },
    // RFC 9110 11, RFC 8053.
    Kind {
        names: &["authentication-control", "authentication-info", "optional-www-authenticate", "www-authenticate"],
        prefixes: &["proxy-"],
        reason: "it is for HTTP authentication or for proxies, which remove or answer it; use bearer() instead",
    },
    // RFC 6265bis 4, RFC 2965.
    Kind {
        names: &["clear-site-data", "cookie", "cookie2", "set-cookie", "set-cookie2"],
        prefixes: &[],
        reason: "it is for cookies; cookie_name names the session's",
    },
    // RFC 9110 6.6, 7 and 10.1, RFC 9112, RFC 7838, RFC 8470.
    Kind {
        names: &[
            "alt-svc",
            "alt-used",
            "connection",
            "date",
            "early-data",
            "expect",
            "host",
            "http2-settings",
            "keep-alive",
            "max-forwards",
            "priority",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "upgrade-insecure-requests",
            "via",
        ],
        prefixes: &[],
        reason: "it describes the message or the connection; servers and proxies set, change or remove it",
    },
    // RFC 7239 and its predecessors.
    Kind {
        names: &[
            "cf-connecting-ip",
            "client-ip",
            "fastly-client-ip",
            "forwarded",
            "true-client-ip",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-real-ip",
        ],
        prefixes: &["x-forwarded-", "x-original-"],
        reason: "proxies set it to tell where a request came from, and log it",
    },
    // RFC 9110 10.1 and 12.5, Fetch ("forbidden request-header").
    Kind {
        names: &["accept", "dnt", "from", "origin", "referer", "save-data", "user-agent", "x-requested-with"],
        prefixes: &["accept-", "sec-"],
        reason: "browsers and other clients set it themselves, regardless of the session",
    },
    Kind {
        names: &["csrf-token", "x-csrf-token", "x-csrftoken", "x-xsrf-token"],
        prefixes: &[],
        reason: "it protects against forged requests and carries another token",
    },
    // RFC 9110 10.2 and 15, RFC 6797, and additions by browsers.
    Kind {
        names: &[
            "allow",
            "content-security-policy",
            "content-security-policy-report-only",
            "feature-policy",
            "integrity-policy",
            "location",
            "nel",
            "permissions-policy",
            "public-key-pins",
            "referrer-policy",
            "refresh",
            "report-to",
            "reporting-endpoints",
            "retry-after",
            "server",
            "server-timing",
            "service-worker-allowed",
            "sourcemap",
            "strict-transport-security",
            "x-content-type-options",
            "x-dns-prefetch-control",
            "x-frame-options",
            "x-powered-by",
            "x-robots-tag",
            "x-xss-protection",
        ],
        prefixes: &[],
        reason: "browsers and other clients act on it in responses",
    },
    // RFC 9110 8 and 14.
    Kind {
        names: &["digest", "link", "range", "repr-digest", "want-content-digest", "want-repr-digest"],
        prefixes: &["content-"],
        reason: "it describes the content of the message",
    },
    // RFC 9110 8.8, 12.5.5 and 13, RFC 9111, RFC 9213.
    Kind {
        names: &[
            "age",
            "cache-control",
            "cache-status",
            "cdn-cache-control",
            "etag",
            "expires",
            "last-modified",
            "no-vary-search",
            "pragma",
            "surrogate-control",
            "vary",
            "warning",
        ],
        prefixes: &["if-"],
        reason: "caches act on it",
    },
    // Fetch and HTML.
    Kind {
        names: &["origin-agent-cluster", "timing-allow-origin"],
        prefixes: &["access-control-", "cross-origin-"],
        reason: "browsers treat it as a rule about other origins",
    },
    // W3C Trace Context and Baggage, and earlier tracing tools.
    Kind {
        names: &[
            "b3",
            "baggage",
            "request-id",
            "traceparent",
            "tracestate",
            "x-amzn-trace-id",
            "x-cloud-trace-context",
            "x-correlation-id",
            "x-request-id",
        ],
        prefixes: &["x-b3-"],
        reason: "it is for tracing: it is logged and forwarded to other services",
    },
    Kind {
        names: &["x-http-method", "x-http-method-override", "x-method-override"],
        prefixes: &[],
        reason: "frameworks treat it as the method of the request",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::token::is_name;

    #[test]
    fn every_name_is_one_that_can_occur_and_is_listed_once() {
        let mut names: Vec<_> = KINDS.iter().flat_map(|kind| kind.names).collect();
        for name in &names {
            assert!(is_name(name) && **name == name.to_lowercase(), "{name}: names are compared in lower case");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for prefix in KINDS.iter().flat_map(|kind| kind.prefixes) {
            assert!(prefix.ends_with('-') && *prefix == prefix.to_lowercase(), "{prefix} would cover unrelated names");
        }
    }

    #[test]
    fn each_kind_has_its_reason() {
        for (name, part) in [
            ("authorization", "bearer()"),
            ("proxy-authorization", "HTTP authentication"),
            ("www-authenticate", "HTTP authentication"),
            ("proxy-connection", "proxies"),
            ("cookie", "cookie_name"),
            ("set-cookie", "cookie_name"),
            ("te", "connection"),
            ("trailer", "connection"),
            ("expect", "connection"),
            ("upgrade", "connection"),
            ("host", "connection"),
            ("forwarded", "proxies"),
            ("x-forwarded-for", "proxies"),
            ("x-forwarded-anything", "proxies"),
            ("origin", "clients set it"),
            ("referer", "clients set it"),
            ("user-agent", "clients set it"),
            ("accept", "clients set it"),
            ("accept-language", "clients set it"),
            ("sec-fetch-site", "clients set it"),
            ("x-csrf-token", "another token"),
            ("range", "content"),
            ("content-type", "content"),
            ("content-security-policy", "responses"),
            ("content-encoding", "content"),
            ("if-none-match", "caches"),
            ("cache-control", "caches"),
            ("vary", "caches"),
            ("access-control-allow-origin", "other origins"),
            ("location", "responses"),
            ("strict-transport-security", "responses"),
            ("traceparent", "tracing"),
            ("x-request-id", "tracing"),
            ("x-http-method-override", "method"),
        ] {
            let reason = reason(name).unwrap_or_else(|| panic!("{name} is taken"));
            assert!(reason.contains(part), "{name}: {reason}");
        }
    }

    #[test]
    fn names_of_an_application_are_free() {
        for name in [
            "x-session",
            "session",
            "session-id",
            "gfsessionid",
            "x-auth-token",
            "x-api-key",
            "accepted",
            "second",
            "tea",
        ] {
            assert_eq!(reason(name), None, "{name}");
        }
    }
}
