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
  String text();

  /** A token that never changes. */
  static Token of(String text) {
    String token = HeaderValue.credential(text, "the token");
    return () -> token;
  }

  /**
   * A token in a file, which is read now, and again when it has changed. While the file is empty or
   * gone, as where it is being replaced, the last token stays.
   */
  static Token in(Path file) {
    try {
      return new InFile(file);
    } catch (IOException e) {
      throw new IllegalArgumentException("the token cannot be read: " + e, e);
    }
  }

  /** A token with what its file looked like. */
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

    private InFile(Path path) throws IOException {
      this.path = path;
      this.state = read(attributes());
    }

    @Override
    public synchronized String text() {
      try {
        BasicFileAttributes file = attributes();
        state = state.same(file) ? state : read(file);
      } catch (IOException | IllegalArgumentException e) {
        // The server refuses the old token once it is not one any more; the next call looks again.
        return state.token;
      }
      return state.token;
    }

    // Before the content: a change in between is seen by the next call.
    private BasicFileAttributes attributes() throws IOException {
      return Files.readAttributes(path, BasicFileAttributes.class);
    }

    private State read(BasicFileAttributes file) throws IOException {
      String token = HeaderValue.credential(Files.readString(path), "the token in " + path);
      return new State(file.lastModifiedTime(), file.size(), file.fileKey(), token);
    }
  }
}
