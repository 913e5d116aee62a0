// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads PEM, with errors that say which file is wrong. */
final class Pem {
  private static final Pattern KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----(.+?)-----END PRIVATE KEY-----", Pattern.DOTALL);

  private Pem() {}

  /** Reads certificates; there must be some. */
  static X509Certificate[] certificates(byte[] pem, String where) {
    X509Certificate[] found = text(pem).contains("-----BEGIN") ? parsed(pem) : NONE;
    if (found.length == 0) {
      throw new IllegalArgumentException("there is no certificate in PEM in " + where);
    }
    return found;
  }

  /** Reads a key of the only kind that is understood: PKCS #8, not encrypted. */
  static PrivateKey key(byte[] pem, String algorithm, String where) {
    Matcher key = KEY.matcher(text(pem));
    if (!key.find()) {
      throw new IllegalArgumentException("there is no PKCS #8 key in PEM in " + where);
    }
    try {
      byte[] content = Base64.getMimeDecoder().decode(key.group(1));
      return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(content));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "the key in " + where + " is none for " + algorithm + ", as its certificate has it", e);
    }
  }

  private static final X509Certificate[] NONE = {};

  private static X509Certificate[] parsed(byte[] pem) {
    try {
      return CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(pem))
          .toArray(NONE);
    } catch (CertificateException e) {
      return NONE;
    }
  }

  private static String text(byte[] pem) {
    return new String(pem, StandardCharsets.ISO_8859_1);
  }
}
