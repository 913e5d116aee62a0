// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;

/** Looks at PEM before TLS does, whose errors do not say which file is wrong. */
final class Pem {
  private Pem() {}

  /** Refuses what has no certificates. */
  static byte[] certificates(byte[] pem, String where) {
    if (!hasCertificates(pem)) {
      throw new IllegalArgumentException("there is no certificate in PEM in " + where);
    }
    return pem;
  }

  /** Refuses what has no key of the only kind that is understood. */
  static byte[] key(byte[] pem, String where) {
    if (!text(pem).contains("-----BEGIN PRIVATE KEY-----")) {
      throw new IllegalArgumentException("there is no PKCS #8 key in PEM in " + where);
    }
    return pem;
  }

  private static boolean hasCertificates(byte[] pem) {
    // Without it a certificate in DER would do here, and not for TLS.
    if (!text(pem).contains("-----BEGIN")) {
      return false;
    }
    try {
      return !CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(pem))
          .isEmpty();
    } catch (CertificateException e) {
      return false;
    }
  }

  private static String text(byte[] pem) {
    return new String(pem, StandardCharsets.ISO_8859_1);
  }
}
