//! Pages that a browser fetches at the same time agree on the token of their forms.

use gsession_tests::{browser::Browser, demo::Demo};
use serde_json::json;

/// Logs in without opening a page, so that the session has no token yet. Then fetches four pages at once, takes the token of
/// each, and sends a form with it.
const ROUND: &str = "
    const form = new URLSearchParams(new FormData(document.querySelector('form')));
    form.set('username', 'ada');
    form.set('password', 'lovelace');
    await fetch('/login', { method: 'POST', body: form, redirect: 'manual' });
    const token = async path => {
        const page = new DOMParser().parseFromString(await (await fetch(path)).text(), 'text/html');
        return page.querySelector('[name=csrf]').value;
    };
    const tokens = await Promise.all(['/', '/notes', '/tabs', '/?again'].map(token));
    const send = async (path, csrf) => (await fetch(path, { method: 'POST', body: new URLSearchParams({ csrf }) })).status;
    const answers = [];
    for (const csrf of tokens) answers.push(await send('/tabs/count', csrf));
    await send('/logout', tokens[0]);
    return { different: new Set(tokens).size, empty: tokens.includes(''), answers };
";

#[tokio::test]
async fn four_pages_fetched_at_once_after_the_login_carry_the_same_token() {
    let demo = Demo::start();
    let browser = Browser::start().await;
    for round in 0..10 {
        browser.open(&demo.url("/login")).await;
        let outcome = browser.run(&format!("return (async () => {{ {ROUND} }})()")).await;
        let expected = json!({ "different": 1, "empty": false, "answers": [200, 200, 200, 200] });
        assert_eq!(outcome, expected, "round {round}");
    }
}
