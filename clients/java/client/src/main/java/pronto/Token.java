// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A client's token. */
interface Token {
  /** The token for the next call. */
  String text();

  /** A token that never changes. */
  static Token of(String text) {
    String token = HeaderValue.credential(text, "the token");
    return () -> token;
  }

  /** A token in a file, which is read now, and again when it has changed. */
  static Token in(Path file) {
    try {
      return FileContent.of("the token file", () -> read(file), file)::get;
    } catch (IOException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static String read(Path file) throws IOException {
    return HeaderValue.credential(Files.readString(file).strip(), "the token in " + file);
  }
}
