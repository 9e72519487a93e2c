//! What a browser does when all is over: it logs in once more, with whatever id it was left with, and then logs out.

use gsession::{ClientInfo, Delivery, Manager, SessionId, Storage, StoreKey, Timestamp};

use super::{
    judge::{Ended, data},
    lineage::{OWNER, owner},
    programs::{Id, Who},
};

/// The ids with which a browser may be left: the one it began with, if no answer has reached it, or one it was sent.
pub(crate) fn jars(ended: &Ended<'_>) -> Vec<SessionId> {
    let mut jars = vec![ended.first.clone()];
    // The others are other people's browsers.
    let is_its = |id: &Id| matches!(id, Id::First | Id::Jar);
    for told in ended.told.iter().filter(|told| told.leg.presents.iter().any(is_its)) {
        match told.delivery() {
            Some(Delivery::Send { id, .. }) if !jars.contains(id) => jars.push(id.clone()),
            _ => {}
        }
    }
    jars
}

fn hers(storage: &dyn Storage, now: Timestamp) -> usize {
    storage.find(Who::Ada.principal(), now).unwrap().len()
}

pub(crate) fn log_in_and_out(ended: &Ended<'_>, manager: &Manager, jar: &SessionId) -> Result<(), String> {
    let (storage, now, ada) = (ended.storage, ended.now, Who::Ada.principal());
    let open = |id: &SessionId| manager.begin(Some(id.as_str()), ClientInfo::default);
    let login = open(jar);
    login.renew().and_then(|()| login.set_principal(ada)).and_then(|()| login.set("again", &1)).unwrap();
    let closed = login.close().map_err(|error| format!("S5: a login that is repeated was answered {error:?}"))?;
    let Delivery::Send { id, .. } = closed.delivery else {
        return Err(format!("S5: a login that is repeated was answered {closed:?}"));
    };
    let held = data(storage, &StoreKey::of(&id), now);
    match held.as_ref().map(|data| data.get(OWNER) == Some(&owner(ada)) && data.contains_key("again")) {
        Some(true) => {}
        _ => return Err(format!("S5: after a login that was repeated the browser has an id that opens {held:?}")),
    }
    if !ended.lineages[0].lives(now) && held.is_some_and(|data| data.contains_key("user")) {
        return Err("S4: a session that was ended is back after a login".to_owned());
    }
    let is_one = ended.is_one_login();
    if is_one && hers(storage, now) != 1 {
        return Err(format!("S5: {} sessions of a user after a login that was repeated", hers(storage, now)));
    }
    let logout = open(&id);
    logout.destroy();
    logout.close().map_err(|error| format!("S4: a logout was answered {error:?}"))?;
    let lives = |id: &SessionId| data(storage, &StoreKey::of(id), now).is_some();
    if lives(&id) || is_one && (hers(storage, now) > 0 || lives(jar)) {
        return Err("S4: a session lives after a login and a logout".to_owned());
    }
    Ok(())
}
