// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * The certificate authorities that a client trusts. Java itself checks the server's certificate and
 * its name.
 */
final class Authorities {
  private Authorities() {}

  /** Reads a file. */
  static TrustManager read(Path file) throws IOException {
    return of(Files.readAllBytes(file), file.toString());
  }

  /** Reads PEM, with errors that say where it is wrong. */
  static TrustManager of(byte[] pem, String where) throws IOException {
    X509Certificate[] trusted = Pem.certificates(pem, where);
    try {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      for (int i = 0; i < trusted.length; i++) {
        store.setCertificateEntry("authority " + i, trusted[i]);
      }
      var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(store);
      return factory.getTrustManagers()[0];
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(where + " cannot be used: " + e.getMessage(), e);
    }
  }
}
