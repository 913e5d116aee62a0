// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class IdentityTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"EC -groupname secp384r1", "RSA", "RSASSA-PSS", "Ed25519", "Ed448"})
  void aKeyOfAnotherCertificateIsRefused(String algorithm) throws Exception {
    Certificates one = Certificates.make(folder, "one", algorithm);
    Certificates other = Certificates.make(folder, "other", algorithm);
    assertNotNull(Identity.read(one.certificate(), one.key()));
    assertMismatch(one.certificate(), other.key());
  }

  @ParameterizedTest
  @ValueSource(strings = {"EC -groupname secp384r1", "EC -groupname secp521r1"})
  void aKeyOfAnotherCurveIsRefused(String algorithm) throws Exception {
    Certificates one = Certificates.make(folder, "one");
    Certificates other = Certificates.make(folder, "other", algorithm);
    assertMismatch(one.certificate(), other.key());
    assertMismatch(other.certificate(), one.key());
  }

  @Test
  void filesThatAreNotThereAreNamed() throws Exception {
    Path certificate = Certificates.make(folder, "one").certificate();
    Path none = folder.resolve("none");
    ProntoBuilder builder = Pronto.builder();
    var error = assertThrows(IOException.class, () -> builder.clientCertificate(certificate, none));
    assertEquals(
        "the client certificate or its key cannot be read: java.nio.file.NoSuchFileException: "
            + none,
        error.getMessage());
    error = assertThrows(IOException.class, () -> builder.certificateAuthority(none));
    assertEquals(
        "the certificate authority cannot be read: java.nio.file.NoSuchFileException: " + none,
        error.getMessage());
  }

  private static void assertMismatch(Path certificate, Path key) {
    ProntoBuilder builder = Pronto.builder();
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> builder.clientCertificate(certificate, key));
    assertEquals(
        "the key in " + key + " is not that of the certificate in " + certificate,
        error.getMessage());
  }
}
