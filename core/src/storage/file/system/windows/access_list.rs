//! Who may look into a folder.

use std::{fs::File, io};

use windows_permissions::{
    LocalBox, SecurityDescriptor, Sid,
    constants::{AceType, SeObjectType, SecurityInformation},
    utilities::current_process_sid,
    wrappers::{ConvertSecurityDescriptorToStringSecurityDescriptor, GetSecurityInfo, SetSecurityInfo},
};

/// Who may be granted access beside the user: the system and the administrators, who can take it anyway, and the owner of a file,
/// under the two names that lists have for it. (SY, BA, CO and OW in the language of security descriptors.)
const TRUSTED: [&str; 4] = ["S-1-5-18", "S-1-5-32-544", "S-1-3-0", "S-1-3-4"];

fn is_trusted(user: &Sid, sid: &Sid) -> bool {
    sid == user || TRUSTED.contains(&sid.to_string().as_str())
}

/// Whether an open folder belongs to this user, to the system or to the administrators.
pub(super) fn is_own(folder: &File) -> io::Result<bool> {
    let owner = GetSecurityInfo(folder, SeObjectType::SE_FILE_OBJECT, SecurityInformation::Owner)?;
    let user = current_process_sid()?;
    Ok(owner.owner().is_some_and(|owner| is_trusted(&user, owner)))
}

/// Whether the list of an open folder grants anything to anybody else.
pub(super) fn is_open_to_others(folder: &File) -> io::Result<bool> {
    let descriptor = GetSecurityInfo(folder, SeObjectType::SE_FILE_OBJECT, SecurityInformation::Dacl)?;
    grants_to_others(&descriptor, &*current_process_sid()?)
}

fn grants_to_others(descriptor: &SecurityDescriptor, user: &Sid) -> io::Result<bool> {
    // An empty list grants nothing, but no list grants everything to everybody. Only the text shows it: asking for the list panics.
    let text = ConvertSecurityDescriptorToStringSecurityDescriptor(descriptor, SecurityInformation::Dacl)?;
    if text.to_string_lossy().contains("NO_ACCESS_CONTROL") {
        return Ok(true);
    }
    let Some(list) = descriptor.dacl() else { return Ok(true) };
    let mut entries = (0..list.len()).map(|index| list.get_ace(index));
    Ok(entries.any(|entry| {
        entry.is_none_or(|entry| match entry.ace_type() {
            AceType::ACCESS_DENIED_ACE_TYPE => false,
            AceType::ACCESS_ALLOWED_ACE_TYPE => entry.sid().is_none_or(|sid| !is_trusted(user, sid)),
            // What it grants depends on more than its user.
            _ => true,
        })
    }))
}

/// Grants access to this user, the system and the administrators, and to nobody else; also to everything that is created in the
/// folder. Nothing is inherited from the folder above.
pub(super) fn make_private(folder: &mut File) -> io::Result<()> {
    let user = current_process_sid()?;
    let list = format!("D:P(A;OICI;FA;;;{})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", &*user);
    let descriptor: LocalBox<SecurityDescriptor> = list.parse()?;
    let parts = SecurityInformation::Dacl | SecurityInformation::ProtectedDacl;
    SetSecurityInfo(folder, SeObjectType::SE_FILE_OBJECT, parts, None, None, descriptor.dacl(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A descriptor with this list, as `is_open_to_others` sees it.
    fn is_open(list: &str) -> bool {
        let user = current_process_sid().unwrap();
        let descriptor: LocalBox<SecurityDescriptor> = list.replace("USER", &user.to_string()).parse().unwrap();
        grants_to_others(&descriptor, &user).unwrap()
    }

    #[test]
    fn what_is_granted_to_the_user_and_the_system_is_private() {
        for list in [
            "D:P(A;OICI;FA;;;USER)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)",
            // As in a user's own folder.
            "D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FA;;;USER)(A;OICIIOID;GA;;;CO)",
            "D:(A;;FA;;;OW)",
            // Denied to others, and granted to nobody.
            "D:(D;;FA;;;WD)(A;;FA;;;USER)",
            "D:",
        ] {
            assert!(!is_open(list), "{list}");
        }
    }

    #[test]
    fn what_is_granted_to_others_is_not() {
        for list in [
            "D:(A;OICI;FA;;;USER)(A;OICI;FR;;;BU)",
            "D:(A;;FA;;;USER)(A;;FR;;;WD)",
            "D:(A;;FA;;;USER)(A;;FR;;;AU)",
            "D:(A;;FA;;;S-1-5-21-1-2-3-4)",
            // Only for what will be created in it.
            "D:(A;;FA;;;USER)(A;OICIIO;FR;;;BU)",
            // No list at all.
            "O:BA",
        ] {
            assert!(is_open(list), "{list}");
        }
        // Wine 8 cannot read this one.
        assert!(std::env::var_os("GSESSION_TEST_IN_WINE").is_some() || is_open("D:NO_ACCESS_CONTROL"));
    }
}
