//! Examples, as they stand in a page.

use std::fmt::Write;

use super::examples::Example;

/// An answer with more lines is folded.
const LONGEST_OPEN: usize = 16;

/// A request, and what came of it.
pub fn of_example(out: &mut String, example: &Example) {
    writeln!(out, "\nA request:\n\n```json\n{}\n```", example.request).unwrap();
    let answer = answer(example);
    if answer.lines().count() <= LONGEST_OPEN {
        writeln!(out, "\nIts answer:\n\n{answer}").unwrap();
    } else {
        let fold = "<details>\n<summary>Its answer</summary>";
        writeln!(out, "\n{fold}\n\n{answer}\n\n</details>").unwrap();
    }
}

fn answer(example: &Example) -> String {
    let mut out = format!("```json\n{}\n```", example.answers.join("\n"));
    if !example.left_out.is_empty() {
        write!(out, "\n\nLeft out: {}.", example.left_out.join(", ")).unwrap();
    }
    out
}
