//! Reads the commands of a document as a shell does, as far as recipes go.

/// The code of the `sh` and `console` blocks of a document.
pub fn blocks(document: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut parts = document.split("\n```");
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        if let Some((language @ ("sh" | "console"), code)) = block.split_once('\n') {
            let prompt = if language == "console" { "$ " } else { "" };
            blocks.push(code.replace(&format!("\n{prompt}"), "\n"));
        }
    }
    blocks
}

/// The words of some code, with its variables by name. Each line of it begins a command for
/// who looks for one.
pub fn words(code: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let quoted = word.get_or_insert_default();
                quoted.extend(letters.by_ref().take_while(|it| *it != '\''));
            }
            '\\' => drop(letters.next()),
            letter if letter.is_whitespace() || "()|".contains(letter) => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn words_are_those_of_a_shell() {
    let code =
        "job=$(grpcurl -d '{\"id\": \"'$list'\",\n \"name\": \"it\"}' \\\n  host:1 A/B | value id)";
    let words = words(code);
    let request = "{\"id\": \"$list\",\n \"name\": \"it\"}";
    let expected = [
        "job=$", "grpcurl", "-d", request, "host:1", "A/B", "value", "id",
    ];
    assert_eq!(words, expected);
}
