// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;

/**
 * What some files hold, read when this is made, and again when one has changed. While they are of
 * no use, as where they are being replaced, what they held last stays.
 */
final class FileContent<T> {
  private final Reader<T> reader;
  private final List<Path> files;
  private State<T> state;

  /**
   * Reads the files for the first time.
   *
   * @param what what they are, for the error where they cannot be read: Java's has the path alone
   */
  static <T> FileContent<T> of(String what, Reader<T> reader, Path... files) throws IOException {
    try {
      return new FileContent<>(reader, files);
    } catch (IOException e) {
      throw new IOException(what + " cannot be read: " + e, e);
    }
  }

  /** Reads all files together. */
  interface Reader<T> {
    T read() throws IOException;
  }

  private record State<T>(List<Version> versions, T content) {}

  /** Differs between two contents: a rename brings another key, a write another time. */
  private record Version(FileTime time, long size, Object key) {
    static Version of(Path file) throws IOException {
      var found = Files.readAttributes(file, BasicFileAttributes.class);
      return new Version(found.lastModifiedTime(), found.size(), found.fileKey());
    }
  }

  private FileContent(Reader<T> reader, Path... files) throws IOException {
    this.reader = reader;
    this.files = List.of(files);
    this.state = new State<>(versions(), reader.read());
  }

  /** The content as it is now. */
  synchronized T get() {
    try {
      // Before the content: a change in between is seen by the next one who asks.
      List<Version> found = versions();
      if (!found.equals(state.versions)) {
        state = new State<>(found, reader.read());
      }
    } catch (IOException | IllegalArgumentException e) {
      // The server refuses the last content once it does not count any more; the next one who asks
      // looks again.
      return state.content;
    }
    return state.content;
  }

  private List<Version> versions() throws IOException {
    List<Version> versions = new ArrayList<>();
    for (Path file : files) {
      versions.add(Version.of(file));
    }
    return versions;
  }
}
