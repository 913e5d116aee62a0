// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Objects;

/** A client's token. */
interface Token {
  /** The token for the next call. */
  String text() throws IOException;

  /** A token that never changes. */
  static Token of(String text) {
    String token = valid(text, "the token");
    return () -> token;
  }

  /** A token in a file, which is read again when it has changed. */
  final class InFile implements Token {
    private final Path path;
    private State state;

    private record State(FileTime time, long size, Object key, String token) {
      boolean same(BasicFileAttributes file) {
        return time.equals(file.lastModifiedTime())
            && size == file.size()
            && Objects.equals(key, file.fileKey());
      }
    }

    InFile(Path path) {
      this.path = path;
    }

    @Override
    public synchronized String text() throws IOException {
      // Before the content: a change in between is seen by the next call.
      BasicFileAttributes file = Files.readAttributes(path, BasicFileAttributes.class);
      if (state == null || !state.same(file)) {
        String token = valid(Files.readString(path), "the token in " + path);
        state = new State(file.lastModifiedTime(), file.size(), file.fileKey(), token);
      }
      return state.token;
    }
  }

  /** Without space around it; anything else cannot be a header. */
  private static String valid(String text, String what) {
    String token = text.strip();
    if (!token.matches("[!-~]+")) {
      throw new IllegalArgumentException(what + " must be visible ASCII characters without space");
    }
    return token;
  }
}
