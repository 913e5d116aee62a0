// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;

/** The certificate that a client shows, with its key. */
final class Identity {
  // In memory, and nowhere else.
  private static final char[] PASSWORD = {};

  private Identity() {}

  /** Reads both files. */
  static KeyManager read(Path certificate, Path key) throws IOException {
    X509Certificate[] chain =
        Pem.certificates(Files.readAllBytes(certificate), certificate.toString());
    String algorithm = chain[0].getPublicKey().getAlgorithm();
    PrivateKey secret = Pem.key(Files.readAllBytes(key), algorithm, key.toString());
    try {
      if (!KeyPairs.belong(chain[0].getPublicKey(), secret)) {
        // As where only one file was replaced so far.
        throw new IllegalArgumentException(
            "the key in " + key + " is not that of the certificate in " + certificate);
      }
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      store.setKeyEntry("client", secret, PASSWORD, chain);
      var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      factory.init(store, PASSWORD);
      return factory.getKeyManagers()[0];
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(certificate + " cannot be used: " + e.getMessage(), e);
    }
  }
}
