//! Words of comments that name something are links to it.

use pronto_grpc::proto::reason::{REASONS, name};

use super::api::{Api, PACKAGE, page_name};

/// A link to a message, an enum, a service or an RPC of the API, from another page of the
/// reference.
pub fn to(api: &Api, name: &str) -> Option<String> {
    let full = format!("{PACKAGE}.{name}");
    let pool = &api.pool;
    let file = (pool.get_message_by_name(&full).map(|it| it.parent_file()))
        .or_else(|| pool.get_enum_by_name(&full).map(|it| it.parent_file()));
    if let Some(file) = file {
        return Some(match name {
            "ErrorReason" => "../errors.md".to_owned(),
            _ => format!("{}#{}", page_name(&file), name.to_lowercase()),
        });
    }
    if let Some(service) = pool.get_service_by_name(&full) {
        return Some(page_name(&service.parent_file()));
    }
    let rpc = name.rsplit(['.', '/']).next()?;
    let mut methods = api.methods().into_iter();
    let method = methods.find(|method| method.name() == rpc)?;
    let page = page_name(&method.parent_service().parent_file());
    Some(format!("{page}#{}", rpc.to_lowercase()))
}

/// A link to a reason of errors.
pub fn to_reason(reason: &str) -> Option<String> {
    let is_known = REASONS.iter().any(|known| name(*known) == reason);
    is_known.then(|| format!("[{reason}](../errors.md#{})", reason.to_lowercase()))
}

/// A comment with links, but for the name of what it is about. Code stays as it is.
pub fn linked(api: &Api, own: &str, comment: &str) -> String {
    let parts = comment.split('`').enumerate();
    let parts = parts.map(|(index, part)| match index % 2 {
        0 => linked_words(api, own, part),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}

fn linked_words(api: &Api, own: &str, text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_./".contains(letter);
        let bare = word
            .trim_matches(|letter| !is_part(letter))
            .trim_end_matches(['.', '/']);
        match link(api, bare) {
            Some(link) if bare != own => word.replacen(bare, &link, 1),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn link(api: &Api, word: &str) -> Option<String> {
    if let Some(document) = word.strip_prefix("docs/") {
        return Some(format!("[{document}](../{document})"));
    }
    let word = word.strip_prefix("ErrorReason.").unwrap_or(word);
    // A word such as Search or Lead may be meant as one.
    let humps = word.chars().filter(char::is_ascii_uppercase).count();
    if humps < 2 {
        return None;
    }
    to_reason(word).or_else(|| Some(format!("[{word}]({})", to(api, word)?)))
}
