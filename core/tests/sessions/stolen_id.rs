//! Whoever merely knows an old id must get no part in the renewed session (R3), also if a request of his was under way.

use gsession::{ClientInfo, Delivery, Manager, MemoryStorage};

/// An application that says on each page whose session this is, from what the session itself holds: that is no proof of a login.
#[test]
fn a_request_with_a_stolen_id_is_not_given_the_renewed_one() {
    let manager = Manager::new(MemoryStorage::new());
    let login = manager.begin(None, ClientInfo::default);
    login.set("user", "ada").unwrap();
    login.set_principal("ada").unwrap();
    let Delivery::Send { id: stolen, .. } = login.close().unwrap().delivery else { panic!("no id") };

    // The thief's request has read the session ...
    let thief = manager.begin(Some(stolen.as_str()), ClientInfo::default);
    let user: String = thief.get("user").unwrap().unwrap();
    // ... when its owner renews it, so that whoever knew the id is out.
    let owner = manager.begin(Some(stolen.as_str()), ClientInfo::default);
    owner.renew().unwrap();
    owner.set("step-up", &true).unwrap();
    let Delivery::Send { id: renewed, .. } = owner.close().unwrap().delivery else { panic!("no id") };

    thief.renew().unwrap();
    thief.set_principal(&user).unwrap();
    let closed = thief.close();
    let got = match &closed {
        Ok(closed) => match &closed.delivery {
            Delivery::Send { id, .. } => Some(id.clone()),
            _ => None,
        },
        Err(_) => None,
    };
    assert!(got.as_ref() != Some(&renewed), "the thief is sent the new id");
}
