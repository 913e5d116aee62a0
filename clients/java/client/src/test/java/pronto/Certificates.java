// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A certificate for localhost that vouches for itself, and its key. The JDK makes some with its
 * keytool only.
 *
 * @param certificate the file, PEM
 * @param key the file, PKCS #8 in PEM
 */
record Certificates(Path certificate, Path key) {
  private static final char[] PASSWORD = "of-a-test".toCharArray();

  /** Makes one with this name in a folder. */
  static Certificates make(Path folder, String name) throws Exception {
    return make(folder, name, "EC -groupname secp256r1");
  }

  /** Makes one with a key of this algorithm. */
  static Certificates make(Path folder, String name, String algorithm) throws Exception {
    File file = folder.resolve(name + ".p12").toFile();
    // A Java of its own: half the time without the best code.
    String options =
        "-J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC"
            + " -genkeypair -alias it -keyalg %s -storetype PKCS12 -dname CN=%s"
            + " -ext san=dns:localhost -keystore %s -storepass %s";
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(
        List.of(
            options.formatted(algorithm, name, file.getName(), new String(PASSWORD)).split(" ")));
    Process keytool =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertEquals(0, keytool.waitFor(), () -> "keytool " + options);
    KeyStore store = KeyStore.getInstance(file, PASSWORD);
    return new Certificates(
        pem(folder.resolve(name + ".pem"), "CERTIFICATE", store.getCertificate("it").getEncoded()),
        pem(
            folder.resolve(name + ".key"),
            "PRIVATE KEY",
            store.getKey("it", PASSWORD).getEncoded()));
  }

  /** The same in a new folder. */
  Certificates copy(Path folder) throws IOException {
    Files.createDirectory(folder);
    var copy = new Certificates(folder.resolve("tls.crt"), folder.resolve("tls.key"));
    replace(copy);
    return copy;
  }

  /** Puts them in the place of others, as who renews them does. */
  void replace(Certificates others) throws IOException {
    replace(certificate, others.certificate);
    replace(key, others.key);
  }

  private static void replace(Path file, Path other) throws IOException {
    Path fresh = Files.copy(file, other.resolveSibling(other.getFileName() + ".new"));
    Files.move(fresh, other, StandardCopyOption.ATOMIC_MOVE);
  }

  private static Path pem(Path file, String what, byte[] content) throws Exception {
    String lines = Base64.getMimeEncoder().encodeToString(content);
    return Files.writeString(
        file, "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(what, lines, what));
  }
}
